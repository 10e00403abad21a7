"""The short way answers byte for byte what the ordinary one answers, and is taken only where all is in order."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message

from app.api.request_id import incoming
from app.api.short_way import ShortWay
from app.core.deps import OUTCOME
from app.embedded.server import Server
from app.main import BODY_LIMITS
from app.services.errors import NotAuthenticated
from tests.api.asgi import JSON, make_app, pass_on, request, send
from tests.shop import PASSWORD, POSTING

Apps = tuple[ShortWay, FastAPI]


@pytest.fixture
async def apps(database_url: str, valkey: Server) -> AsyncIterator[Apps]:
    """An application with the short way around it, and one without."""
    inner, ordinary = make_app(database_url, valkey), make_app(database_url, valkey)
    async with AsyncExitStack() as running:
        for app in (inner, ordinary):
            await running.enter_async_context(app.router.lifespan_context(app))
        yield ShortWay(inner, BODY_LIMITS), ordinary


@pytest.fixture
async def token(apps: Apps) -> str:
    """The Authorization of a client."""
    registration = {"name": "Loja", "email": f"{uuid.uuid4().hex}@loja.com.br", "password": PASSWORD}
    status, _, _ = await send(apps[1], "POST", "/api/v1/clients", json.dumps(registration).encode(), **JSON)
    assert status == 201
    form = f"grant_type=password&username={registration['email']}&password={PASSWORD.replace(' ', '+')}"
    kind = "application/x-www-form-urlencoded"
    _, _, body = await send(apps[1], "POST", "/api/v1/auth/token", form.encode(), **{"content-type": kind})
    return f"Bearer {json.loads(body)['access_token']}"


@pytest.fixture
async def code(apps: Apps, token: str) -> str:
    """A posting of that client."""
    _, _, body = await send(
        apps[1], "POST", "/api/v1/postings", json.dumps(POSTING).encode(), authorization=token, **JSON
    )
    return str(json.loads(body)["tracking_code"])


def bodies(good: dict[str, Any]) -> list[bytes]:
    """One right body, and some that are wrong in every way that there is."""
    text = json.dumps(good).encode()
    return [
        *(text, b"", b"null", b"[]", b"{}", b"7", b'"x"', b"{", text + b"x", b'{"a":1,"a":1}', b'{"a":NaN}', b"\xff"),
        json.dumps({**good, "more": 1}).encode(),
        b'{"status":"gone"}',
        b'{"status":7}',
        b'{"status":"shipped","city":"\\u0000"}',
        b'{"status":"shipped","occurred_at":5}',
        b'{"status":"shipped","occurred_at":"2098-01-01T00:00:00Z"}',
        b'{"status":"pending"}',
    ]


async def test_both_ways_give_the_same_answers(apps: Apps, token: str, code: str) -> None:
    asked = {"status": "shipped", "occurred_at": None, "city": "Cajamar", "uf": "SP"}
    unknown, mistyped = "EE876543216CA", "RR123456789CN"
    kinds = {
        ("PATCH", f"/api/v1/postings/{code}/status"): bodies(asked),
        ("PATCH", f"/api/v1/postings/{unknown}/status"): [bodies(asked)[0]],
        ("PATCH", f"/api/v1/postings/{mistyped}/status"): [bodies(asked)[0]],
        ("PATCH", f"/api/v1/postings/{code[:2]} {code[2:]}/status"): [bodies(asked)[0]],
        ("PATCH", f"/api/v1/postings/{code}/status?a=1"): [bodies(asked)[0]],
        ("POST", "/api/v1/status-updates"): bodies(
            {"updates": [{"tracking_code": each, **asked} for each in (code, unknown, mistyped, code.lower())]}
        ),
        ("POST", "/api/v1/postings/batch"): bodies({"postings": [POSTING, POSTING]}),
    }
    for place in ("postings", "tracking"):
        for written in (code, code.lower(), unknown, mistyped, "batch", "x", f"{code}?a=1", f"{code}/status"):
            for method in ("GET", "DELETE"):
                kinds[method, f"/api/v1/{place}/{written}"] = [b""]
    ways: list[dict[str, str]] = [
        {"authorization": token},
        {"authorization": token, "accept-language": "pt-BR"},
        {"authorization": token.lower()},
        {"authorization": token, "content-type": "text/plain"},
        {"authorization": token, "content-encoding": "gzip"},
        {"authorization": token, "idempotency-key": ""},
        {"authorization": token, "idempotency-key": "ã"},
        {},
    ]
    for (method, path), texts in kinds.items():
        for body in texts:
            for number, way in enumerate(ways):
                # With a key the second asking is the same as the first, so that its answer can be the same, too.
                headers = {**JSON, "idempotency-key": f"{path} {body!r:.80} {number % 3}", **way}
                first, second = [await send(app, method, path, body, **headers) for app in reversed(apps)]
                assert first == second, (method, path, body, way)


async def test_the_short_way_is_taken_by_what_is_in_order_and_by_nothing_else(
    apps: Apps, token: str, code: str
) -> None:
    async def is_taken(method: str, path: str, body: bytes = b"", **headers: str) -> bool:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        scope = request(method, path, body, named)
        await pass_on(apps[0], scope, body)
        return "app" not in scope  # the application would have left itself there

    track, read, change = f"/api/v1/tracking/{code}", f"/api/v1/postings/{code}", f"/api/v1/postings/{code}/status"
    scan = b'{"status":"shipped","city":"Cajamar","uf":"SP"}'
    assert await is_taken("GET", track)
    assert await is_taken("GET", track, authorization=token)
    assert await is_taken("GET", read, authorization=token)  # whether somebody has looked at the token before or not
    assert await is_taken("GET", read, authorization=token)
    assert await is_taken("PATCH", change, scan, authorization=token, **JSON)
    assert await is_taken("PATCH", change, scan, authorization=token, content_type="Application/JSON; charset=utf-8")
    assert not await is_taken("PATCH", change, b'{"status":"gone"}', authorization=token, **JSON)
    assert not await is_taken("PATCH", change, b"{", authorization=token, **JSON)
    assert not await is_taken("PATCH", change, scan, authorization=token)
    assert not await is_taken("PATCH", change, scan, authorization=token, content_encoding="identity", **JSON)
    assert not await is_taken("PATCH", change, scan, **JSON)
    assert not await is_taken("GET", read)
    assert not await is_taken("GET", read, authorization="Bearer x")
    assert not await is_taken("GET", f"{read}?a=1", authorization=token)
    assert not await is_taken("GET", f"{read}/history", authorization=token)
    assert not await is_taken("DELETE", read, authorization=token)
    assert not await is_taken("GET", "/api/v1/postings/batch", authorization=token)


async def test_what_a_request_is_made_with_is_looked_at_once(apps: Apps, token: str, code: str) -> None:
    """Also where the application says what is wrong with it."""
    scope = request("GET", f"/api/v1/postings/{code}", b"", {"authorization": f"{token[:-2]}xx"})
    await pass_on(apps[0], scope, b"")
    first = scope[OUTCOME]
    assert isinstance(first, NotAuthenticated)
    await pass_on(apps[1], scope, b"")
    assert scope[OUTCOME] is first


async def test_a_credential_that_may_not_do_this_goes_the_ordinary_way(apps: Apps, token: str, code: str) -> None:
    key = json.dumps({"name": "ERP", "scopes": ["status:write"]}).encode()
    _, _, body = await send(apps[1], "POST", "/api/v1/clients/me/api-keys", key, authorization=token, **JSON)
    bearer = f"Bearer {json.loads(body)['key']}"
    for _ in range(2):
        status, _, body = await send(apps[0], "GET", f"/api/v1/postings/{code}", authorization=bearer)
        assert (status, json.loads(body)["code"]) == (403, "insufficient_scope")


async def test_what_fails_on_the_short_way_is_said_as_ever_under_the_same_id(
    apps: Apps, token: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    await send(apps[0], "GET", f"/api/v1/postings/{code}", authorization=token)
    caplog.set_level("INFO", "app.access")
    path = "/api/v1/postings/EE876543216CA"
    scope = request("GET", path, b"", {"authorization": token})
    status, headers, body = await pass_on(apps[0], scope)
    assert (status, json.loads(body)["code"]) == (404, "posting_not_found")
    assert [value for name, value in headers if name == b"x-request-id"] == [incoming(scope, "").id.encode()]
    assert [record.getMessage().split(" ")[:3] for record in caplog.records] == [["GET", path, "404"]]


async def test_a_caller_who_goes_away_in_the_middle_leaves_a_line_as_ever(
    apps: Apps, token: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    await send(apps[0], "GET", f"/api/v1/postings/{code}", authorization=token)
    caplog.set_level("INFO", "app.access")

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def unwanted(message: Message) -> None:
        raise AssertionError(message)

    path = f"/api/v1/postings/{code}/status"
    for app in apps:
        headers = {"authorization": token, "content-length": "10", "content-type": "application/json"}
        await app(
            {**request("PATCH", path, b"", {}), "headers": [(n.encode(), v.encode()) for n, v in headers.items()]},
            gone,
            unwanted,
        )
    assert [record.getMessage().split(" ")[:3] for record in caplog.records] == [["PATCH", path, "0"]] * 2


async def test_the_document_does_not_know_of_it(database_url: str, valkey: Server) -> None:
    inner, ordinary = make_app(database_url, valkey), make_app(database_url, valkey)
    ShortWay(inner, BODY_LIMITS)
    assert inner.openapi() == ordinary.openapi()
