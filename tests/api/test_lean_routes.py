"""The short way answers byte for byte what the ordinary one answers, and is taken only where all is in order."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import Match

from app.api.lean_routes import HOT, LeanRoute
from app.core.deps import OUTCOME
from app.embedded.server import Server
from app.services.errors import NotAuthenticated
from tests.api.asgi import JSON, make_app, request, send
from tests.shop import PASSWORD, POSTING

Apps = tuple[FastAPI, FastAPI]


@pytest.fixture
async def apps(database_url: str, valkey: Server) -> AsyncIterator[Apps]:
    """The application as it is, and the same without its lean routes."""
    lean, ordinary = make_app(database_url, valkey), make_app(database_url, valkey)
    ordinary.router.routes[:] = [route for route in ordinary.router.routes if not isinstance(route, LeanRoute)]
    async with AsyncExitStack() as running:
        for app in (lean, ordinary):
            await running.enter_async_context(app.router.lifespan_context(app))
        yield lean, ordinary


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
    routes = [route for route in apps[0].router.routes if isinstance(route, LeanRoute)]
    assert len(routes) == len(HOT)

    authenticator = apps[0].state.parts.authenticator
    credential = await authenticator.authenticate(token)

    def taken(path: str, outcome: object = None) -> int:
        scope = {**request("GET", path, b"", {}), OUTCOME: outcome}
        return [route.matches(scope)[0] for route in routes].count(Match.FULL)

    assert taken(f"/api/v1/tracking/{code}") == 1
    assert taken(f"/api/v1/postings/{code}", credential) == 1
    assert taken(f"/api/v1/postings/{code}") == 0
    assert taken(f"/api/v1/postings/{code}", NotAuthenticated()) == 0
    assert taken(f"/api/v1/postings/{code}", replace(credential, scopes=frozenset({"status:write"}))) == 0
    assert taken(f"/api/v1/postings/{code}?a=1", credential) == 0
    assert taken("/api/v1/postings/batch", credential) == 0


async def test_the_document_does_not_know_of_it(apps: Apps) -> None:
    assert apps[0].openapi() == apps[1].openapi()
