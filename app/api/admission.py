"""The door: lets in as many requests as can be answered soon, and turns the others away before anything is done for them."""

import logging
import math
import re
import uuid
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.edge_errors import TooManyRequests
from app.api.middleware import REQUEST_ID
from app.api.problems import prefers_portuguese, problem_response
from app.core.logging import RareWarning
from app.services.errors import Overloaded, Refusal

ADMITTED: Final = "postagens.admitted"
"""The key of a scope under which the caller stands that the server has let in already."""

_UNDER_WAY: Final = "postagens.under-way"

EXEMPT: Final = "/health/"
"""Always let in: whoever watches this process must hear from it also when it has too much to do."""

_REQUEST_ID: Final = re.compile(REQUEST_ID.encode())

_log = logging.getLogger(__name__)

Headers = Iterable[tuple[bytes, bytes]]


class Admission:
    """At most `most` requests under way in this process (or open streams), and at most that share of them for one caller."""

    def __init__(self, *, most: int, share_of_one: float, told: str) -> None:
        """`told` is what the log says of those who are turned away."""
        self._most = most
        self._most_of_one = math.ceil(most * share_of_one)
        self._under_way = 0
        self.answered = 0
        """Requests that were let in and have left, since the start."""
        self._of_caller: dict[bytes, int] = {}
        self._turned_away = RareWarning(_log, told)
        self._answers: dict[type[Refusal], ReadyAnswer] = {
            Overloaded: ReadyAnswer(Overloaded()),
            TooManyRequests: ReadyAnswer(TooManyRequests()),
        }

    @property
    def is_full(self) -> bool:
        """Whether nobody is let in at the moment."""
        return self._under_way >= self._most

    @property
    def room(self) -> int:
        """How many more can be let in at the moment."""
        return self._most - self._under_way

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
        self.answered += 1
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
        self.kind: Final = type(refusal)
        self.english: Final = Answer(problem_response(refusal, accept_language="en"))
        self.portuguese: Final = Answer(problem_response(refusal, accept_language="pt"))
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
            request_id = self.new_id()
        if language and prefers_portuguese(language.decode("latin-1")):
            return self.portuguese, request_id
        return self.english, request_id

    def new_id(self) -> bytes:
        """The id of a request that brought none."""
        self._refused += 1
        return b"%s%016x" % (self._id_of_process, self._refused)


class Answer:
    """Status, headers and body as ASGI wants them, and all of it as it is sent (RFC 9112)."""

    def __init__(self, response: Response) -> None:
        self.status: Final = response.status_code
        self.headers: Final = [*response.raw_headers, (b"x-content-type-options", b"nosniff")]
        self.body: Final = bytes(response.body)
        self._beginning = b"HTTP/1.1 %d %s\r\n" % (self.status, HTTPStatus(self.status).phrase.encode())
        self._beginning += _lines(self.headers)
        self._server_headers: Headers = ()
        self._head = self._beginning

    def written(self, server_headers: Headers, request_id: bytes) -> bytes:
        """The whole answer. The server makes a new list of its headers once a second: their lines are kept meanwhile."""
        if server_headers is not self._server_headers:
            self._head = self._beginning + _lines(server_headers)
            self._server_headers = server_headers
        return b"%sx-request-id: %s\r\n\r\n%s" % (self._head, request_id, self.body)


def _lines(headers: Headers) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers)


def authorization(headers: Headers) -> bytes:
    """What callers are told apart by; nothing where there is none."""
    for name, value in headers:
        if name == b"authorization":
            return value
    return b""


def caller_of(scope: Scope) -> bytes:
    """Who makes the request: what it is authorized by, or else the address that it comes from."""
    return authorization(scope["headers"]) or (scope["client"] or ("",))[0].encode()


class _UnderWay:
    """A request that was let in: it leaves once, when it is answered or before that."""

    __slots__ = ("_admission", "_caller", "has_left")

    def __init__(self, admission: Admission, caller: bytes) -> None:
        self._admission = admission
        self._caller = caller
        self.has_left = False

    def leave(self) -> None:
        if not self.has_left:
            self.has_left = True
            self._admission.leave(self._caller)


def leave_early(scope: Scope) -> None:
    """The answer to this request has begun and goes on for long: it is not among those any more that keep others out."""
    if under_way := scope.get(_UNDER_WAY):
        under_way.leave()


def has_left_early(scope: Scope) -> bool:
    """Whether the answer to this request goes on for long."""
    under_way = scope.get(_UNDER_WAY)
    return under_way is not None and under_way.has_left


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
            caller = caller_of(scope)
            if answer := self._admission.enter(caller):
                await self._refuse(answer, scope, send)
                return
        under_way = scope[_UNDER_WAY] = _UnderWay(self._admission, caller)
        try:
            await self._app(scope, receive, send)
        finally:
            under_way.leave()

    async def _refuse(self, answer: ReadyAnswer, scope: Scope, send: Send) -> None:
        """Answer without having read the body: the server reads over what is left of it, so that the connection goes on."""
        ready, request_id = answer.to(scope["headers"])
        headers = [*ready.headers, (b"x-request-id", request_id)]
        if any(name == b"expect" for name, _ in scope["headers"]):
            # The body that waits for a "100 Continue" may come or not: nobody could tell it from the next request.
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": ready.status, "headers": headers})
        await send({"type": "http.response.body", "body": ready.body})
