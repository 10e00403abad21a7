"""The short way to the routes that are asked most: a request in which all is in order passes no middleware and no router.

What is done for every request is done for it too, by the same functions, in one go. Any other request goes on to the application, which
says what is wrong: no refusal, sentence or code exists twice.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.api.authentication import outcome_of
from app.api.body_guard import BODILESS, BodyLimits, is_plain_json, read_body, replay
from app.api.lean_routes import CONTENT_TYPE, Asked, LeanRoute, LeanRoutes, NotInOrder, as_headers
from app.api.rate_limiting import use_quota
from app.api.request_id import Incoming, incoming, raw_path
from app.api.whole_answers import WRITER, Writer
from app.core.deps import OUTCOME, Parts
from app.core.logging import request_id
from app.services.authentication import Credential
from app.services.errors import Refusal

FAILED: Final = "postagens.failed"
"""The key of a scope under which the error stands with which a request ended on the short way, or on the shortest."""

_LOOKED_AT: Final = frozenset(
    {b"authorization", b"idempotency-key", b"content-type", b"content-length", b"content-encoding", b"x-request-id"}
)

_Headers = Mapping[bytes, bytes]


class ShortWay:
    """Around the application: answers what is in order on one of its lean routes, and hands on the rest."""

    def __init__(self, app: FastAPI, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits
        self.routes: Final = LeanRoutes(app)
        """Those that it leads to, for whoever knows a shorter one."""
        app.router.routes.insert(0, _Failed())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        taken = None if FAILED in scope else await self._take(scope)
        if taken is None:
            await self._app(scope, receive, send)
            return
        route, asked, request = taken
        if scope["method"] not in BODILESS:
            try:
                body = await read_body(receive, self._limits.at(scope["path"]))
            except Refusal as refusal:
                scope[FAILED] = refusal
                body = b""
            if body is None:
                request.log(scope["method"], raw_path(scope), 0)
                return
            asked.body, receive = body, replay(body, receive)
        arguments = None if FAILED in scope else arguments_of(route, asked)
        if arguments is None:
            await self._app(scope, receive, send)
            return
        request_id.set(request.id)
        status = 0
        try:
            status, added, body = await route.answer(asked.parts, arguments)
            headers = [(b"content-length", b"%d" % len(body)), CONTENT_TYPE, *as_headers(added)]
            headers += request.headers(scope, headers)
            writer: Writer | None = scope.get(WRITER)
            if writer is None or not writer(status, headers, body):
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
        except Exception as error:
            if status:
                raise
            scope[FAILED] = error  # raised again where the application's handlers are
        finally:
            if FAILED not in scope:
                request.log(scope["method"], raw_path(scope), status)
        if FAILED in scope:
            await self._app(scope, receive, send)

    async def _take(self, scope: Scope) -> tuple[LeanRoute, Asked, Incoming] | None:
        """The route of a request whose headers are in order, which is counted now; None for any other."""
        if scope["type"] != "http" or scope["query_string"] or scope.get("root_path"):
            return None
        if (found := self.routes.find(scope["method"], scope["path"])) is None:
            return None
        route, place = found
        parts: Parts = self._app.state.parts
        headers = _headers(scope)
        if headers is None or not (scope["method"] in BODILESS or self._body_is_plain(scope["path"], headers)):
            return None
        request = incoming(scope, headers.get(b"x-request-id", b"").decode("latin-1"))
        asked = Asked(parts, place, headers)
        if authorization := headers.get(b"authorization"):
            outcome = scope[OUTCOME] = await outcome_of(authorization, parts.authenticator)
            if not isinstance(outcome, Credential):
                return None
            asked.credential = outcome
        if use_quota(scope, parts):
            return None
        return route, asked, request

    def _body_is_plain(self, path: str, headers: _Headers) -> bool:
        length = headers.get(b"content-length", b"")
        return length.isdigit() and int(length) <= self._limits.at(path) and is_plain_json(headers)


def _headers(scope: Scope) -> _Headers | None:
    """The headers that matter here; None when one came twice."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _LOOKED_AT:
            if name in found:
                return None
            found[name] = value
    return found


def arguments_of(route: LeanRoute, asked: Asked) -> dict[str, Any] | None:
    """What the route's function is called with; None when something is not in order."""
    try:
        return route.arguments(asked)
    except (NotInOrder, Refusal, ValidationError):
        return None


class _Failed(BaseRoute):
    """Raises what a request ended with on the short way, where the application's handlers wait for it."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Before all other routes."""
        return (Match.FULL if FAILED in scope else Match.NONE), {}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The handlers answer."""
        raise scope[FAILED]
