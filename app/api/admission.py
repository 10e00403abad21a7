"""The door: lets in as many requests as can be answered soon, and turns the others away before anything is done for them."""

import logging
import re
import uuid
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.edge_errors import TooManyRequests
from app.api.problems import prefers_portuguese, problem_response
from app.core.logging import RareWarning
from app.services.errors import Overloaded, Refusal

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,100}")
# Whoever watches this process must hear from it also when it has too much to do.
_EXEMPT: Final = "/health/"

_log = logging.getLogger(__name__)

_Headers = list[tuple[bytes, bytes]]


class Admission:
    """At most `most` requests under way in this process, and at most `most_of_one` of them for one caller.

    A caller is known by the Authorization header, or by the address where there is none.
    """

    def __init__(self, app: ASGIApp, *, most: int, most_of_one: int) -> None:
        self._app = app
        self._most = most
        self._most_of_one = most_of_one
        self._under_way = 0
        self._of_caller: dict[bytes, int] = {}
        self._turned_away = RareWarning(_log, "requests are turned away")
        kinds: tuple[type[Refusal], ...] = (Overloaded, TooManyRequests)
        self._answers = {kind: _Answer(kind()) for kind in kinds}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"].startswith(_EXEMPT):
            await self._app(scope, receive, send)
            return
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        caller = headers.get(b"authorization") or (scope["client"] or ("",))[0].encode()
        of_caller = self._of_caller.get(caller, 0)
        if of_caller >= self._most_of_one:
            await self._refuse(TooManyRequests, headers, send)
        elif self._under_way >= self._most:
            await self._refuse(Overloaded, headers, send)
        else:
            self._under_way += 1
            self._of_caller[caller] = of_caller + 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._under_way -= 1
                self._leave(caller)

    def _leave(self, caller: bytes) -> None:
        if self._of_caller[caller] > 1:
            self._of_caller[caller] -= 1
        else:
            del self._of_caller[caller]

    async def _refuse(self, kind: type[Refusal], headers: Mapping[bytes, bytes], send: Send) -> None:
        """Answer without having read the body: the server reads over what is left of it, so that the connection goes on."""
        self._turned_away(kind.code())
        await self._answers[kind].send(headers, send)


class _Answer:
    """A refusal made ready beforehand, in both languages: an overloaded process has no time to make one."""

    def __init__(self, refusal: Refusal) -> None:
        self._ready = {
            portuguese: problem_response(refusal, accept_language="pt" if portuguese else "en")
            for portuguese in (False, True)
        }

    async def send(self, headers: Mapping[bytes, bytes], send: Send) -> None:
        """Send it, with the request's id."""
        language = headers.get(b"accept-language")
        response = self._ready[language is not None and prefers_portuguese(language.decode("latin-1"))]
        given = headers.get(b"x-request-id", b"")
        own: _Headers = [
            (b"x-request-id", given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex.encode()),
            (b"x-content-type-options", b"nosniff"),
        ]
        if b"expect" in headers:
            # The body that waits for a "100 Continue" may come or not: nobody could tell it from the next request.
            own.append((b"connection", b"close"))
        await send(
            {"type": "http.response.start", "status": response.status_code, "headers": [*response.raw_headers, *own]}
        )
        await send({"type": "http.response.body", "body": response.body})
