"""Methods, addresses and headers that no route asks for: each gets a clear refusal."""

import pytest

from tests.shop import POSTING, Shop


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/postings", "GET, POST"),
        ("/postings/batch", "POST"),
        ("/postings/ZP906541882BR", "GET"),
        ("/postings/ZP906541882BR/status", "PATCH"),
        ("/clients/me", "DELETE, GET, PATCH"),
        ("//health/live", "GET"),
    ],
)
async def test_other_methods_are_refused_and_the_right_ones_named(shop: Shop, path: str, allowed: str) -> None:
    for method in {"GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE"} - set(allowed.split(", ")):
        answer = await shop.send(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed), method
        assert method == "HEAD" or answer.code == "method_not_allowed"


@pytest.mark.parametrize("path", ["/postings/", "//health/live/", "/clients/me/", "/tracking/", "//docs/"])
async def test_a_slash_too_many_is_another_address(shop: Shop, path: str) -> None:
    answer = await shop.send("GET", path, allow_redirects=False)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "bearer a.b.c", "Basic eDp5", "Digest x", "Token", "Bearer \u00e9",
     "Bearer " + "x" * 8000, "Bearer {token}x", "Bearer Bearer {token}", "Basic {token}", "{token}", "Bearer {token} {token}"],
)  # fmt: skip
async def test_what_is_no_credential_is_not_authenticated(shop: Shop, header: str) -> None:
    token = shop.headers["Authorization"].removeprefix("Bearer ")
    shop.headers.clear()
    answer = await shop.send("GET", "/clients/me", headers={"Authorization": header.format(token=token)})
    assert (answer.status, answer.code) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_scheme_of_a_credential_is_read_in_any_case(shop: Shop) -> None:
    for scheme in ("bearer", "BEARER"):
        shop.headers["Authorization"] = f"{scheme} {shop.headers['Authorization'].partition(' ')[2]}"
        assert (await shop.send("GET", "/clients/me")).status == 200


async def test_a_long_address_and_a_long_header_do_no_harm(shop: Shop) -> None:
    assert (await shop.send("GET", f"/postings?search={'x' * 30_000}")).code == "validation_failed"
    assert (await shop.send("GET", f"/tracking/{'9' * 30_000}")).code == "invalid_tracking_code"
    assert (await shop.send("GET", f"/{'x' * 30_000}")).code == "not_found"
    # Over 64 KB it is the HTTP server that answers, before the application has seen the request.
    assert (await shop.send("GET", f"/postings?search={'x' * 100_000}")).status == 400
    assert (await shop.send("POST", "/postings", POSTING, key="x" * 30_000)).code == "invalid_idempotency_key"
    assert (await shop.send("GET", "/clients/me", headers={"X-Request-ID": "x" * 30_000})).status == 200


async def test_a_page_for_people_may_be_linked_to_with_parameters_of_others(anonymous: Shop) -> None:
    assert (await anonymous.send("GET", "//?utm_source=newsletter&x=%zz")).status == 200


async def test_the_problem_names_the_parameter(shop: Shop) -> None:
    answer = await shop.send("GET", "/postings?colour=red&limit=1&limit=2")
    assert [(error["place"], error["detail"]) for error in answer.json["errors"]] == [
        ("query colour", "is not a parameter"),
        ("query limit", "stands twice, and has one value"),
    ]


async def test_several_codes_may_stand_one_a_parameter(shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    assert len((await shop.send("GET", f"/tracking?codes={code}&codes={code}")).json["found"]) == 1
