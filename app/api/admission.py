"""The door: lets in as many requests as can be answered soon, and turns the others away before anything is done for them."""

import logging
import re
import uuid
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.edge_errors import TooManyRequests
from app.api.middleware import REQUEST_ID
from app.api.problems import prefers_portuguese, problem_response
from app.core.logging import RareWarning
from app.services.errors import Overloaded, Refusal

ADMITTED: Final = "postagens.admitted"
"""The key of a scope under which the caller stands that the server has let in already."""

EXEMPT: Final = "/health/"
"""Always let in: whoever watches this process must hear from it also when it has too much to do."""

_REQUEST_ID: Final = re.compile(REQUEST_ID.encode())

_log = logging.getLogger(__name__)

Headers = Iterable[tuple[bytes, bytes]]


class Admission:
    """At most `most` requests under way in this process, and at most `most_of_one` of them for one caller."""

    def __init__(self, *, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._under_way = 0
        self._of_caller: dict[bytes, int] = {}
        self._turned_away = RareWarning(_log, "requests are turned away")
        self._answers: dict[type[Refusal], ReadyAnswer] = {
            Overloaded: ReadyAnswer(Overloaded()),
            TooManyRequests: ReadyAnswer(TooManyRequests()),
        }

    @property
    def is_full(self) -> bool:
        """Whether nobody is let in at the moment."""
        return self._under_way >= self._most

    def turn_away(self) -> "ReadyAnswer":
        """The answer to whoever comes while it is full."""
        return self._refuse(Overloaded)

    def enter(self, caller: bytes) -> "ReadyAnswer | None":
        """Let the caller in, who must leave() afterwards; or the answer that turns it away."""
        of_caller = self._of_caller.get(caller, 0)
        if of_caller >= self._most_of_one:
            return self._refuse(TooManyRequests)
        if self.is_full:
            return self.turn_away()
        self._under_way += 1
        self._of_caller[caller] = of_caller + 1
        return None

    def leave(self, caller: bytes) -> None:
        """The request has been answered."""
        self._under_way -= 1
        if self._of_caller[caller] > 1:
            self._of_caller[caller] -= 1
        else:
            del self._of_caller[caller]

    def _refuse(self, kind: type[Refusal]) -> "ReadyAnswer":
        self._turned_away(kind.code())
        return self._answers[kind]


class ReadyAnswer:
    """A refusal made ready beforehand, in both languages: an overloaded process has no time to make one."""

    def __init__(self, refusal: Refusal) -> None:
        english, portuguese = [problem_response(refusal, accept_language=language) for language in ("en", "pt")]
        nosniff = (b"x-content-type-options", b"nosniff")
        self.status: Final = english.status_code
        self.english: Final = Answer([*english.raw_headers, nosniff], bytes(english.body))
        self.portuguese: Final = Answer([*portuguese.raw_headers, nosniff], bytes(portuguese.body))
        # Ids of requests only have to differ: to ask the system for random bytes would cost as much as all the rest.
        self._id_of_process = uuid.uuid4().hex[:16].encode()
        self._refused = 0

    def to(self, headers: Headers) -> "tuple[Answer, bytes]":
        """The answer in the language of a request with these headers, and the request's id."""
        language = request_id = b""
        for name, value in headers:
            if name == b"accept-language":
                language = value
            elif name == b"x-request-id":
                request_id = value
        if not request_id or not _REQUEST_ID.fullmatch(request_id):
            self._refused += 1
            request_id = b"%s%016x" % (self._id_of_process, self._refused)
        if language and prefers_portuguese(language.decode("latin-1")):
            return self.portuguese, request_id
        return self.english, request_id


class Answer:
    """Headers and body; `lines` are the same headers as they are sent."""

    def __init__(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.headers: Final = headers
        self.lines: Final = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.body: Final = body


def authorization(headers: Headers) -> bytes:
    """What callers are told apart by; nothing where there is none."""
    for name, value in headers:
        if name == b"authorization":
            return value
    return b""


class AdmissionMiddleware:
    """The outermost: whom the server has not let in already is let in here, or turned away."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"].startswith(EXEMPT):
            await self._app(scope, receive, send)
            return
        caller: bytes = scope.get(ADMITTED, b"")
        if not caller:
            caller = authorization(scope["headers"]) or (scope["client"] or ("",))[0].encode()
            if answer := self._admission.enter(caller):
                await self._refuse(answer, scope, send)
                return
        try:
            await self._app(scope, receive, send)
        finally:
            self._admission.leave(caller)

    async def _refuse(self, answer: ReadyAnswer, scope: Scope, send: Send) -> None:
        """Answer without having read the body: the server reads over what is left of it, so that the connection goes on."""
        ready, request_id = answer.to(scope["headers"])
        headers = [*ready.headers, (b"x-request-id", request_id)]
        if any(name == b"expect" for name, _ in scope["headers"]):
            # The body that waits for a "100 Continue" may come or not: nobody could tell it from the next request.
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": ready.body})
