"""The door: lets in as many requests as can be answered soon, and turns the others away before anything is done for them."""

import logging
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.api.body_guard import BODILESS
from app.api.problems import prefers_portuguese, problem_response
from app.api.request_id import REQUEST_ID, new_request_id
from app.api.whole_answers import Headers, ServerLines, written_lines
from app.core.addresses import network_of
from app.core.logging import RareWarning
from app.models.quotas import QuotaPolicy
from app.services.errors import Overloaded, QuotaExceeded, Refusal

ADMITTED: Final = "postagens.admitted"
"""The key of a scope under which the caller stands that the server has let in already."""

_UNDER_WAY: Final = "postagens.under-way"
# Whose body is longer has to hold a place for the rest: what waits outside takes memory that nobody has bounded otherwise.
_WAITED_FOR_OUTSIDE: Final = 65_536

EXEMPT: Final = "/health/"
"""Always let in: whoever watches this process must hear from it also when it has too much to do."""

# For that long somebody who has too much under way is asked to wait.
_RETRY_AFTER_SECONDS: Final = 2
_REQUEST_ID: Final = re.compile(REQUEST_ID.encode())

_log = logging.getLogger(__name__)


class Admission:
    """At most `most` requests under way in this process (or open streams), and at most that share of them for one caller."""

    def __init__(self, *, name: str, most: int, share_of_one: float, told: str) -> None:
        """`name` is that of the policy that gives one caller its share; `told` is what the log says of those who are turned away."""
        self._most = most
        self._most_of_one = math.ceil(most * share_of_one)
        policy = QuotaPolicy(name, self._most_of_one, unit="concurrent-requests")
        self._under_way = 0
        self.when_answered: Callable[[], None] = lambda: None
        """Called each time somebody has left who was answered."""
        self._of_caller: dict[bytes, int] = {}
        self._turned_away = RareWarning(_log, told)
        self._overloaded = ReadyAnswer(Overloaded())
        self._share_used_up = ReadyAnswer(QuotaExceeded(policy, retry_after=_RETRY_AFTER_SECONDS))

    @property
    def is_full(self) -> bool:
        """Whether nobody is let in at the moment."""
        return self._under_way >= self._most

    @property
    def room(self) -> int:
        """How many more can be let in at the moment."""
        return self._most - self._under_way

    def let_in(self, caller: bytes) -> bool:
        """Let the caller in, who must leave() afterwards; False when there is no room."""
        of_caller = self._of_caller.get(caller, 0)
        if of_caller >= self._most_of_one or self._under_way >= self._most:
            return False
        self._under_way += 1
        self._of_caller[caller] = of_caller + 1
        return True

    def turn_away(self) -> "ReadyAnswer":
        """The answer to whoever comes while it is full."""
        return self._refuse(self._overloaded)

    def enter(self, caller: bytes) -> "ReadyAnswer | None":
        """Let the caller in, who must leave() afterwards; or the answer that turns it away."""
        if self.let_in(caller):
            return None
        if self._of_caller.get(caller, 0) >= self._most_of_one:
            return self._refuse(self._share_used_up)
        return self.turn_away()

    def leave(self, caller: bytes, *, answered: bool = True) -> None:
        """The request has been answered, or waits outside for its own client."""
        self._under_way -= 1
        if others := self._of_caller[caller] - 1:
            self._of_caller[caller] = others
        else:
            del self._of_caller[caller]
        if answered:
            self.when_answered()

    def _refuse(self, answer: "ReadyAnswer") -> "ReadyAnswer":
        self._turned_away(answer.refusal.code())
        return answer


class ReadyAnswer:
    """A refusal made ready beforehand, in both languages: an overloaded process has no time to make one."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal: Final = refusal
        self.english: Final = Answer(problem_response(refusal, accept_language="en"))
        self.portuguese: Final = Answer(problem_response(refusal, accept_language="pt"))

    def to(self, headers: Headers) -> "tuple[Answer, bytes]":
        """The answer in the language of a request with these headers, and the request's id."""
        language = request_id = b""
        for name, value in headers:
            if name == b"accept-language":
                language = value
            elif name == b"x-request-id":
                request_id = value
        if not request_id or not _REQUEST_ID.fullmatch(request_id):
            request_id = new_request_id().encode()
        if language and prefers_portuguese(language.decode("latin-1")):
            return self.portuguese, request_id
        return self.english, request_id


class Answer:
    """Status, headers and body as ASGI wants them, and all of it as it is sent (RFC 9112)."""

    def __init__(self, response: Response) -> None:
        self.status: Final = response.status_code
        self.headers: Final = response.raw_headers
        self.body: Final = bytes(response.body)
        self._beginning = STATUS_LINE[self.status] + written_lines(self.headers)
        self._server_lines = ServerLines()

    def written(self, server_headers: Headers, request_id: bytes) -> bytes:
        """The whole answer."""
        lines = self._server_lines.of(server_headers)
        return b"%s%sx-request-id: %s\r\n\r\n%s" % (self._beginning, lines, request_id, self.body)


def authorization(headers: Headers) -> bytes:
    """What callers are told apart by; nothing where there is none."""
    for name, value in headers:
        if name == b"authorization":
            return value
    return b""


def caller_of(scope: Scope) -> bytes:
    """Who makes the request: what it is authorized by, or else the address that it comes from."""
    return authorization(scope["headers"]) or network_of_caller(scope).encode()


def network_of_caller(scope: Scope) -> str:
    """The address that a request comes from, as far as addresses tell callers apart."""
    return network_of((scope["client"] or ("",))[0])


class _UnderWay:
    """A request that was let in: it leaves once, when it is answered or before that, and waits outside for its own body."""

    __slots__ = ("_admission", "_awaited", "_caller", "_is_inside", "goes_on")

    def __init__(self, admission: Admission, caller: bytes, *, has_body: bool) -> None:
        self._admission = admission
        self._caller = caller
        self._is_inside = True
        # How much of the body may still be waited for outside.
        self._awaited = _WAITED_FOR_OUTSIDE if has_body else 0
        self.goes_on = False

    def leave(self) -> None:
        if self._is_inside:
            self._is_inside = False
            self._admission.leave(self._caller)

    def outside(self, receive: Receive) -> Receive:
        """The same, but while it waits for the client others are let in. Raises what turns the request away when there is no room then."""

        async def receive_outside() -> Message:
            if self._awaited <= 0:
                return await receive()
            self._is_inside = False
            self._admission.leave(self._caller, answered=False)
            message = await receive()
            if answer := self._admission.enter(self._caller):
                raise answer.refusal.with_traceback(None)
            self._is_inside = True
            self._awaited -= len(message.get("body", b"")) if message.get("more_body") else self._awaited
            return message

        return receive_outside


def leave_early(scope: Scope) -> None:
    """The answer to this request has begun and goes on for long: it is not among those any more that keep others out."""
    if under_way := scope.get(_UNDER_WAY):
        under_way.goes_on = True
        under_way.leave()


def has_left_early(scope: Scope) -> bool:
    """Whether the answer to this request goes on for long."""
    under_way = scope.get(_UNDER_WAY)
    return under_way is not None and under_way.goes_on


def stand_aside(scope: Mapping[str, Any]) -> None:
    """The answer to this request waits until its client has read what was written: nobody else has to wait for that."""
    if under_way := scope.get(_UNDER_WAY):
        under_way.leave()


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
        has_body = scope["method"] not in BODILESS
        under_way = scope[_UNDER_WAY] = _UnderWay(self._admission, caller, has_body=has_body)
        try:
            await self._app(scope, under_way.outside(receive) if has_body else receive, send)
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
