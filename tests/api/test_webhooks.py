"""Webhook endpoints and the log of deliveries, over HTTP."""

import asyncio
from typing import Any, Final

import pytest

from tests.shop import Shop

_URL: Final = "https://loja.example/webhooks"
_UNKNOWN: Final = "019ab8e0-f6a4-7c3d-9b1e-2f3a4b5c6d7e"
_UNKNOWN_DELIVERY: Final = f"msg_{_UNKNOWN.replace('-', '')}"


async def created(shop: Shop, **fields: Any) -> dict[str, Any]:
    """A new endpoint, with its secret."""
    answer = await shop.send("POST", "/webhooks/endpoints", {"url": _URL, **fields})
    assert answer.status == 201, answer.body
    assert answer.headers["Location"] == f"/api/v1/webhooks/endpoints/{answer.json['id']}"
    endpoint: dict[str, Any] = answer.json
    return endpoint


async def owed(shop: Shop, endpoint: dict[str, Any]) -> str:
    """The id of a delivery that waits."""
    answer = await shop.send("POST", f"/webhooks/endpoints/{endpoint['id']}/test")
    assert answer.status == 202, answer.body
    delivery: str = answer.json["id"]
    return delivery


def without_secret(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in endpoint.items() if name != "secret"}


class TestCreation:
    async def test_a_new_endpoint_hears_of_everything_and_its_secret_is_told_once(self, shop: Shop) -> None:
        endpoint = await created(shop)
        assert endpoint["secret"].startswith("whsec_")
        assert endpoint["event_types"] == [
            *("posting.created", "posting.status_changed", "posting.scanned", "status_update.refused")
        ]
        assert (endpoint["statuses"], endpoint["enabled"], endpoint["description"]) == (None, True, None)
        for path in ("/webhooks/endpoints", f"/webhooks/endpoints/{endpoint['id']}"):
            answer = await shop.send("GET", path)
            assert answer.status == 200
            assert b"whsec_" not in answer.body
        assert (await shop.send("GET", path)).json == without_secret(endpoint)
        assert (await shop.send("GET", "/webhooks/endpoints")).json == {"endpoints": [without_secret(endpoint)]}

    @pytest.mark.parametrize(
        "url",
        [
            "http://loja.example/webhooks",
            "https://127.0.0.1/webhooks",
            "https://[::1]/webhooks",
            "https://169.254.169.254/latest/meta-data",
            "https://2130706433/",
            "https://localhost/",
            "https://user:word@loja.example/",
            "https://loja.example:22/",
            "ftp://loja.example/",
            "loja.example",
            "https://",
        ],
    )
    async def test_an_address_to_which_nothing_would_be_sent_is_refused(self, shop: Shop, url: str) -> None:
        answer = await shop.send("POST", "/webhooks/endpoints", {"url": url})
        assert (answer.status, answer.code) == (422, "webhook_url_refused")
        endpoint = await created(shop)
        answer = await shop.send("PATCH", f"/webhooks/endpoints/{endpoint['id']}", {"url": url})
        assert (answer.status, answer.code) == (422, "webhook_url_refused")

    async def test_a_scheme_in_capitals_is_the_same_scheme(self, shop: Shop) -> None:
        endpoint = await created(shop, url="HTTPS://loja.example/Pedidos")
        assert endpoint["url"] == "https://loja.example/Pedidos"
        answer = await shop.send(
            "PATCH", f"/webhooks/endpoints/{endpoint['id']}", {"url": "Https://loja.example:8443/X"}
        )
        assert (answer.status, answer.json["url"]) == (200, "https://loja.example:8443/X")

    @pytest.mark.parametrize(
        "fields",
        [
            {"event_types": []},
            {"event_types": ["webhook.test"]},
            {"event_types": ["posting.created", "posting.created"]},
            {"event_types": None},
            {"statuses": []},
            {"statuses": ["lost"]},
            {"enabled": "yes"},
            {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        ],
    )
    async def test_what_cannot_be_asked_for_is_refused(self, shop: Shop, fields: dict[str, Any]) -> None:
        answer = await shop.send("POST", "/webhooks/endpoints", {"url": _URL, **fields})
        assert (answer.status, answer.code) == (422, "validation_failed")

    async def test_of_twelve_at_once_ten_are_created(self, shop: Shop, other_shop: Shop) -> None:
        answers = await asyncio.gather(*(shop.send("POST", "/webhooks/endpoints", {"url": _URL}) for _ in range(12)))
        assert sorted(answer.status for answer in answers) == [201] * 10 + [409] * 2
        assert {answer.code for answer in answers if answer.status == 409} == {"too_many_webhook_endpoints"}
        await created(other_shop)
        gone = next(answer.json["id"] for answer in answers if answer.status == 201)
        assert (await shop.send("DELETE", f"/webhooks/endpoints/{gone}")).status == 204
        await created(shop)
        assert (await shop.send("POST", "/webhooks/endpoints", {"url": _URL})).status == 409


class TestChanges:
    async def test_what_is_left_out_stays(self, shop: Shop) -> None:
        endpoint = await created(shop, description="Painel", statuses=["delivered"])
        path = f"/webhooks/endpoints/{endpoint['id']}"
        changed = await shop.send("PATCH", path, {"event_types": ["posting.scanned"]})
        assert changed.json == {**without_secret(endpoint), "event_types": ["posting.scanned"]}
        changed = await shop.send("PATCH", path, {"statuses": None, "description": None})
        assert (changed.json["statuses"], changed.json["description"]) == (None, None)
        assert (await shop.send("PATCH", path, {})).json == changed.json == (await shop.send("GET", path)).json

    @pytest.mark.parametrize("name", ["url", "event_types", "enabled"])
    async def test_what_must_have_a_value_keeps_one(self, shop: Shop, name: str) -> None:
        endpoint = await created(shop)
        answer = await shop.send("PATCH", f"/webhooks/endpoints/{endpoint['id']}", {name: None})
        assert (answer.status, answer.code) == (422, "validation_failed")

    async def test_an_owner_disables_and_enables(self, shop: Shop) -> None:
        endpoint = await created(shop)
        path = f"/webhooks/endpoints/{endpoint['id']}"
        disabled = (await shop.send("PATCH", path, {"enabled": False})).json
        assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "by_owner")
        assert disabled["disabled_at"]
        assert (await shop.send("PATCH", path, {"enabled": False})).json == disabled
        assert (await shop.send("PATCH", path, {"enabled": True})).json == without_secret(endpoint)

    async def test_a_rotation_gives_a_new_secret_and_says_how_long_the_old_one_is_good(self, shop: Shop) -> None:
        endpoint = await created(shop)
        answer = await shop.send("POST", f"/webhooks/endpoints/{endpoint['id']}/rotate-secret")
        assert answer.status == 200
        assert answer.json["secret"].startswith("whsec_")
        assert answer.json["secret"] != endpoint["secret"]
        assert answer.json["previous_secret_until"]
        assert without_secret(answer.json) == {
            **without_secret(endpoint),
            "previous_secret_until": answer.json["previous_secret_until"],
        }

    async def test_a_deleted_endpoint_is_not_there(self, shop: Shop) -> None:
        endpoint = await created(shop)
        delivery = await owed(shop, endpoint)
        path = f"/webhooks/endpoints/{endpoint['id']}"
        assert (await shop.send("DELETE", path)).body == b""
        assert (await shop.send("DELETE", path)).code == "webhook_endpoint_not_found"
        assert (await shop.send("GET", path)).status == 404
        assert (await shop.send("GET", f"/webhooks/deliveries/{delivery}")).code == "webhook_delivery_not_found"


class TestLog:
    async def test_it_is_read_page_by_page_the_newest_first(self, shop: Shop) -> None:
        endpoint = await created(shop)
        ids = [await owed(shop, endpoint) for _ in range(5)]
        found, path = [], "/webhooks/deliveries?limit=2"
        while path:
            answer = await shop.send("GET", path)
            found += [delivery["id"] for delivery in answer.json["deliveries"]]
            link = answer.headers.get("Link", "")
            path = link.partition(">")[0].removeprefix("</api/v1") if link else ""
        assert found == ids[::-1]

    async def test_it_is_filtered(self, shop: Shop) -> None:
        endpoint, other = await created(shop), await created(shop, event_types=["posting.scanned"])
        code = (await shop.create_posting())["tracking_code"]
        test = await owed(shop, other)
        (about_posting,) = (await shop.send("GET", f"/webhooks/deliveries?tracking_code={code.lower()}")).json[
            "deliveries"
        ]
        assert about_posting == {
            "id": about_posting["id"],
            "endpoint_id": endpoint["id"],
            "type": "posting.created",
            "tracking_code": code,
            "step": 1,
            "state": "waiting",
            "attempts": 0,
            "due_at": about_posting["created_at"],
            "finished_at": None,
            "created_at": about_posting["created_at"],
        }
        for query, expected in {
            f"endpoint_id={other['id']}": [test],
            "type=webhook.test": [test],
            "type=posting.created": [about_posting["id"]],
            "state=waiting": [test, about_posting["id"]],
            "state=failed": [],
            f"endpoint_id={other['id']}&tracking_code={code}": [],
            "tracking_code=nothing": [],
        }.items():
            answer = await shop.send("GET", f"/webhooks/deliveries?{query}")
            assert [delivery["id"] for delivery in answer.json["deliveries"]] == expected, query

    async def test_a_delivery_tells_its_attempts(self, shop: Shop) -> None:
        delivery = await owed(shop, await created(shop))
        answer = await shop.send("GET", f"/webhooks/deliveries/{delivery}")
        assert (answer.status, answer.json["state"], answer.json["ended_attempts"]) == (200, "waiting", [])

    @pytest.mark.parametrize("cursor", ["x", "WyJkZWxpdmVyaWVzIiwgMV0", "WyJkZWxpdmVyaWVzIiwgIngiXQ"])
    async def test_a_cursor_of_nobody_s_is_refused(self, shop: Shop, cursor: str) -> None:
        answer = await shop.send("GET", f"/webhooks/deliveries?cursor={cursor}")
        assert (answer.status, answer.code) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/webhooks/endpoints/{endpoint}", None),
        ("PATCH", "/webhooks/endpoints/{endpoint}", {"enabled": False}),
        ("DELETE", "/webhooks/endpoints/{endpoint}", None),
        ("POST", "/webhooks/endpoints/{endpoint}/rotate-secret", None),
        ("POST", "/webhooks/endpoints/{endpoint}/test", None),
        ("POST", "/webhooks/endpoints/{endpoint}/redeliver", {"since": "2026-03-01T00:00:00Z"}),
        ("GET", "/webhooks/deliveries/{delivery}", None),
        ("POST", "/webhooks/deliveries/{delivery}/redeliver", None),
    ],
)
async def test_what_is_somebody_else_s_answers_like_what_is_not_there(
    *, shop: Shop, other_shop: Shop, operator: Shop, method: str, path: str, body: object
) -> None:
    endpoint = await created(shop)
    delivery = await owed(shop, endpoint)
    before = (await shop.send("GET", f"/webhooks/endpoints/{endpoint['id']}")).json
    theirs = path.format(endpoint=endpoint["id"], delivery=delivery)
    nobodys = path.format(endpoint=_UNKNOWN, delivery=_UNKNOWN_DELIVERY)
    for stranger in (other_shop, operator):
        foreign, missing = await stranger.send(method, theirs, body), await stranger.send(method, nobodys, body)
        assert (foreign.status, foreign.body) == (404, missing.body)
        assert _of_content(foreign.headers) == _of_content(missing.headers)
    assert (await shop.send("GET", f"/webhooks/endpoints/{endpoint['id']}")).json == before


def _of_content(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ("Date", "X-Request-ID")}


async def test_the_log_of_somebody_else_is_empty(shop: Shop, other_shop: Shop) -> None:
    endpoint = await created(shop)
    await owed(shop, endpoint)
    answer = await other_shop.send("GET", f"/webhooks/deliveries?endpoint_id={endpoint['id']}")
    assert (answer.status, answer.json) == (200, {"deliveries": [], "next_cursor": None})
    assert (await other_shop.send("GET", "/webhooks/endpoints")).json == {"endpoints": []}


async def test_without_a_token_nothing_is_told(anonymous: Shop) -> None:
    for path in ("/webhooks/endpoints", "/webhooks/deliveries"):
        assert (await anonymous.send("GET", path)).code == "not_authenticated"
