"""The shortest way to the routes that are asked most: a plain request in which all is in order passes neither a parser nor ASGI.

It is the short way once more, by the same functions: any other request, and whatever fails, goes on to the server's own parser and so to
the application, which says what is wrong.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI

from app.api.body_guard import BODILESS, BodyLimits
from app.api.lean_routes import Asked, LeanRoute, LeanRoutes
from app.api.plain_requests import PlainRequest
from app.api.rate_limiting import take_quota
from app.api.request_id import HEADERS_TO_ADD, INCOMING, Incoming
from app.api.security_headers import Header
from app.api.short_way import FAILED, arguments_of
from app.api.whole_answers import written_lines
from app.core.deps import OUTCOME, Parts
from app.core.logging import request_id
from app.services.errors import QuotaExceeded


class PlainlyAsked:
    """A plain request for one of the lean routes, by a credential that was looked at a moment ago, or by nobody in particular.

    While its answer is awaited it stands for one of the server's cycles, as far as the server asks one.
    """

    task: "asyncio.Task[None]"
    _arguments: Mapping[str, Any]
    _told: tuple[Header, ...]
    response_started = False
    response_complete = False
    keep_alive = True
    disconnected = False
    message_event: Final = asyncio.Event()
    scope: Final[Mapping[str, Any]] = {}

    def __init__(self, route: LeanRoute, asked: Asked, request: PlainRequest) -> None:
        self._route = route
        self._asked = asked
        self._raw_path = request.target
        self._incoming = Incoming(request.fields.named.get(b"x-request-id", b"").decode("latin-1"))

    def is_in_order(self, network: str) -> bool:
        """Whether it can be answered here; it is counted for its quota then. `network` is where it comes from."""
        try:
            arguments = arguments_of(self._route, self._asked)
        except Exception:  # noqa: BLE001 - the application meets it too, and tells of it
            return False
        if arguments is None:
            return False
        told = take_quota(self._asked.parts, self._asked.credential, network)
        if isinstance(told, QuotaExceeded):
            return False
        self._arguments, self._told = arguments, told
        return True

    async def answer(self) -> tuple[int, bytes, bytes]:
        """Status, header lines and body of its answer; raises what the application has to tell of."""
        request_id.set(self._incoming.id)
        status, added, body = await self._route.answer(self._asked.parts, self._arguments)
        more = "".join([f"{name}: {value}\r\n" for name, value in added.items()])
        own = f"content-length: {len(body)}\r\nx-request-id: {self._incoming.id}\r\n{more}".encode("latin-1")
        self._incoming.log(self._route.method, self._raw_path, status)
        return status, self._route.lines(added) + own + written_lines(self._told), body

    def has_gone(self) -> None:
        """Nobody waits for its answer any more."""
        self._incoming.log(self._route.method, self._raw_path, 0)

    def failed(self, error: Exception) -> dict[str, Any]:
        """What the scope of this same request says, so that the application tells of the error and does nothing twice."""
        scope: dict[str, Any] = {FAILED: error, INCOMING: self._incoming, HEADERS_TO_ADD: self._told}
        if self._asked.credential:
            scope[OUTCOME] = self._asked.credential
        return scope


class ShortestWay:
    """Knows what may take it."""

    def __init__(self, app: FastAPI, routes: LeanRoutes, limits: BodyLimits) -> None:
        self._state = app.state
        self._routes = routes
        self._limits = limits

    def look_at(self, request: PlainRequest) -> PlainlyAsked | None:
        """The request as it is answered here; None when that is for the application. Does nothing that could not be done again."""
        if (found := self._routes.find(request.method, request.target)) is None:
            return None
        route, place = found
        fields = request.fields
        if request.method in BODILESS:
            if fields.length is not None:
                return None
        elif not fields.is_json or len(request.body) > self._limits.at(request.target):
            return None
        parts: Parts = self._state.parts
        asked = Asked(parts, place, fields.named, body=request.body)
        if fields.authorization:
            asked.credential = parts.authenticator.remembered(fields.authorization)
            if asked.credential is None:
                return None
        return PlainlyAsked(route, asked, request)
