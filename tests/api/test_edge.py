"""The edge: what every request passes, and every answer carries."""

import json
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import pytest
from yarl import URL

from app.api import portuguese
from app.api.problems import STATUS_OF
from app.services.refusals import REASONS
from tests.shop import POSTING, Shop

JSON = {"Content-Type": "application/json"}


async def post(
    shop: Shop, body: bytes, path: str = "/postings", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    answer = await shop.send("POST", path, data=body, headers=JSON if headers is None else headers)
    return answer.status, answer.code


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[] []",
        b'{"weight_g": NaN}',
        b'{"weight_g": Infinity}',
        b'{"weight_g": 1, "weight_g": 2}',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        b"[" * 900 + b"]" * 899,
        b"[" * 30_000,
        b'{"weight_g": ' + b"9" * 5000 + b"}",
    ],
)
async def test_what_is_not_strict_json_is_refused(shop: Shop, body: bytes) -> None:
    assert await post(shop, body) == (400, "malformed_json")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 900 + b"]" * 900,
        b"null",
        b'"text"',
        b'{"weight_g": 1e400, "volume_cm3": 1}',
        json.dumps({**POSTING, "description": "\ud800"}).encode(),
        json.dumps({**POSTING, "description": "\x00"}).encode(),
        json.dumps({**POSTING, "metadata": {"\x00": 1}}).encode(),
        json.dumps({**POSTING, "metadata": {"k": "\ud800"}}).encode(),
        json.dumps({**POSTING, "metadata": {"k": 10**400}}).encode(),
        json.dumps({**POSTING, "description": "x" * 501}).encode(),
    ],
)
async def test_json_of_another_shape_is_refused(shop: Shop, body: bytes) -> None:
    assert await post(shop, body) == (422, "validation_failed")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/xml"])
async def test_another_type_of_body_is_refused(shop: Shop, content_type: str) -> None:
    headers = {"Content-Type": content_type or "application/octet-stream"}
    assert await post(shop, json.dumps(POSTING).encode(), headers=headers) == (415, "unsupported_media_type")


async def test_json_is_not_a_form(anonymous: Shop) -> None:
    assert await post(anonymous, b"{}", "/auth/token") == (415, "unsupported_media_type")


@pytest.mark.parametrize(("path", "limit"), [("/postings", 64 * 1024), ("/status-updates", 2 * 1024 * 1024)])
async def test_a_body_over_the_limit_is_refused_while_it_arrives(shop: Shop, path: str, limit: int) -> None:
    async def longer_than_the_limit() -> AsyncIterator[bytes]:
        for _ in range(0, 2 * limit, 8192):
            yield b" " * 8192

    # The first says its length, the second does not.
    for data in (BytesIO(b" " * (limit + 1)), longer_than_the_limit()):
        answer = await shop.send("POST", path, data=data, headers=JSON)
        assert (answer.status, answer.code) == (413, "body_too_large")


async def test_an_address_that_is_not_there_is_a_problem_too(anonymous: Shop) -> None:
    missing, method = await anonymous.send("GET", "/nothing"), await anonymous.send("DELETE", "/postings")
    assert (missing.status, missing.code) == (404, "not_found")
    assert (method.status, method.code) == (405, "method_not_allowed")
    assert method.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    "path", ["/postings/%00", "/postings/%ff", "/postings/" + "9" * 5000, "/status-updates/x", "/tracking/%F0%9F%93%A6"]
)
async def test_an_odd_path_is_refused_clearly(shop: Shop, path: str) -> None:
    url = URL(f"{shop.url}/api/v1{path}", encoded=True)
    async with aiohttp.ClientSession(headers=shop.headers) as session, session.get(url) as response:
        assert response.status in (404, 422)
        assert (await response.json(content_type="application/problem+json"))["code"]


async def test_a_request_keeps_its_id(anonymous: Shop) -> None:
    given = await anonymous.send("GET", "//health/live", headers={"X-Request-ID": "abc-123"})
    made, other = [
        await anonymous.send("GET", "//health/live", headers={"X-Request-ID": bad}) for bad in ("", "a b\tc")
    ]
    assert given.headers["X-Request-ID"] == "abc-123"
    assert len(made.headers["X-Request-ID"]) == len(other.headers["X-Request-ID"]) == 32
    assert made.headers["X-Request-ID"] != other.headers["X-Request-ID"]


class TestProblems:
    @pytest.mark.parametrize(
        ("language", "title"),
        [("pt-BR,pt;q=0.9", "Não autenticado"), ("en, pt", "Not authenticated"), ("", "Not authenticated")],
    )
    async def test_a_problem_speaks_the_caller_s_language(self, anonymous: Shop, language: str, title: str) -> None:
        answer = await anonymous.send("GET", "/clients/me", headers={"Accept-Language": language})
        assert answer.json["title"] == title

    async def test_the_type_of_a_problem_leads_to_its_page(self, anonymous: Shop) -> None:
        problem = (await anonymous.send("GET", "/clients/me")).json
        page = (await anonymous.send("GET", f"/{problem['type']}")).json
        assert (page["code"], page["status"]) == (problem["code"], problem["status"])

    async def test_every_problem_is_in_the_catalogue_in_both_languages(self, anonymous: Shop) -> None:
        listed = (await anonymous.send("GET", "//problems")).json["problems"]
        assert {kind["code"] for kind in listed} == {kind.code() for kind in STATUS_OF} == set(portuguese.TEXTS)
        assert {kind.code() for kind in STATUS_OF} >= set(REASONS)
        assert all(kind["title"] and kind["detail"] and kind["title_pt"] and kind["detail_pt"] for kind in listed)

    async def test_a_code_that_is_none_is_not_found(self, anonymous: Shop) -> None:
        assert (await anonymous.send("GET", "//problems/nothing")).code == "not_found"


class TestDocumentation:
    async def test_the_docs_load_nothing_from_elsewhere(self, anonymous: Shop) -> None:
        page = (await anonymous.send("GET", "//docs")).body.decode()
        assert "://" not in page
        for path in ("/static/swagger/swagger-ui-bundle.js", "/static/swagger/swagger-ui.css", "/static/docs.js"):
            assert path in page
            assert (await anonymous.send("GET", f"/{path}")).status == 200

    async def test_every_operation_has_a_summary_its_own_name_and_examples(self, anonymous: Shop) -> None:
        document = (await anonymous.send("GET", "//openapi.json")).json
        assert document["openapi"].startswith("3.1")
        operations = [operation for path in document["paths"].values() for operation in path.values()]
        names = [operation["operationId"] for operation in operations]
        assert len(names) == len(set(names))
        assert all(operation["description"] for operation in operations)
        for operation in operations:
            for status, response in operation["responses"].items():
                if status >= "400":
                    (media_type,) = response["content"]
                    assert media_type == "application/problem+json"
        for name in ("NewPosting", "StatusUpdateRequest", "ClientRegistration", "Problem"):
            assert document["components"]["schemas"][name]["examples"]


class TestHealth:
    async def test_a_service_with_all_its_parts_is_alive_and_ready(self, anonymous: Shop) -> None:
        assert (await anonymous.send("GET", "//health/live")).json == {"status": "alive"}
        assert (await anonymous.send("GET", "//health/ready")).json == {
            "status": "ready",
            "database": "up",
            "redis": "up",
        }


class TestAdmin:
    async def test_only_an_operator_sees_the_queue(self, shop: Shop, operator: Shop) -> None:
        assert (await shop.send("GET", "/admin/queue")).code == "operator_only"
        queue = await operator.send("GET", "/admin/queue")
        assert queue.json.keys() == {"queued", "oldest_accepted_at", "dead_letters"}
        shop.headers.clear()
        assert (await shop.send("GET", "/admin/queue")).code == "not_authenticated"
