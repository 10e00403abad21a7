"""The short way to the routes that are asked most: a request in which all is in order passes no middleware and no router.

What is done for every request is done for it too, by the same functions, in one go. Any other request goes on to the application, which
says what is wrong: no refusal, sentence or code exists twice.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import structlog
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.api.body_guard import BODILESS, JSON, BodyLimits, media_type, read_body, replay
from app.api.lean_routes import Asked, LeanRoute, NotInOrder, lean_routes
from app.api.rate_limiting import use_quota
from app.api.request_id import incoming
from app.core.deps import OUTCOME, Parts
from app.services.errors import Refusal

_FAILED: Final = "postagens.failed"
"""The key of a scope under which the error stands with which a request ended on the short way."""

_LOOKED_AT: Final = frozenset(
    {b"authorization", b"idempotency-key", b"content-type", b"content-length", b"content-encoding", b"x-request-id"}
)

_Headers = Mapping[bytes, bytes]


class ShortWay:
    """Around the application: answers what is in order on one of its lean routes, and hands on the rest."""

    def __init__(self, app: FastAPI, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits
        self._routes: dict[str, list[LeanRoute]] = defaultdict(list)
        for route in lean_routes(app):
            self._routes[route.method].append(route)
        app.router.routes.insert(0, _Failed())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            route, asked = self._look_at(scope)
        except NotInOrder:
            await self._app(scope, receive, send)
            return
        if scope["method"] not in BODILESS:
            try:
                body = await read_body(receive, self._limits.at(scope["path"]))
            except Refusal as refusal:
                scope[_FAILED] = refusal
                await self._app(scope, replay(b"", receive), send)
                return
            if body is None:
                return
            asked.body, receive = body, replay(body, receive)
        try:
            arguments = route.arguments(asked)
        except (NotInOrder, Refusal, ValidationError):
            await self._app(scope, receive, send)
            return
        request = incoming(scope, asked.headers.get(b"x-request-id", b"").decode("latin-1"))
        structlog.contextvars.bind_contextvars(request_id=request.id)
        try:
            start, end = await route.answer(asked.parts, arguments)
        except Exception as error:  # noqa: BLE001 - raised again where the application's handlers are
            scope[_FAILED] = error
            await self._app(scope, receive, send)
            return
        start["headers"] += request.headers(scope, start["headers"])
        await send(start)
        await send(end)
        request.log(scope, start["status"])

    def _look_at(self, scope: Scope) -> tuple[LeanRoute, Asked]:
        """The route of a request whose headers are in order, which is counted now; raises NotInOrder for any other."""
        if scope["type"] != "http" or scope["query_string"] or scope.get("root_path"):
            raise NotInOrder
        for route in self._routes.get(scope["method"], ()):
            if place := route.path.fullmatch(scope["path"]):
                break
        else:
            raise NotInOrder
        parts: Parts = self._app.state.parts
        headers = _headers(scope)
        if scope["method"] not in BODILESS:
            self._check_body(scope["path"], headers)
        asked = Asked(parts, place, headers)
        if authorization := headers.get(b"authorization"):
            asked.credential = parts.authenticator.remembered(authorization.decode("latin-1"))
            if asked.credential is None:
                raise NotInOrder
            scope[OUTCOME] = asked.credential
        if use_quota(scope, parts):
            raise NotInOrder
        return route, asked

    def _check_body(self, path: str, headers: _Headers) -> None:
        length = headers.get(b"content-length", b"")
        is_json = media_type(headers.get(b"content-type", b"").decode("latin-1")) == JSON
        if (
            not (is_json and length.isdigit() and int(length) <= self._limits.at(path))
            or b"content-encoding" in headers
        ):
            raise NotInOrder


def _headers(scope: Scope) -> _Headers:
    """The headers that matter here; raises NotInOrder when one came twice."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _LOOKED_AT:
            if name in found:
                raise NotInOrder
            found[name] = value
    return found


class _Failed(BaseRoute):
    """Raises what a request ended with on the short way, where the application's handlers wait for it."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Before all other routes."""
        return (Match.FULL if _FAILED in scope else Match.NONE), {}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The handlers answer."""
        raise scope[_FAILED]
