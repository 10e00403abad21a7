"""uvicorn's HTTP protocol that turns requests away as soon as their headers are read, for a third of what an ASGI answer costs.

At five times the capacity four of five requests are turned away: what each costs is taken from those that are answered.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.api.admission import ADMITTED, EXEMPT, Admission, Headers, ReadyAnswer, authorization
from app.api.plain_requests import is_plain_request

_EXEMPT: Final = EXEMPT.encode()
_ANSWERED: Final = SimpleNamespace(response_complete=True, message_event=asyncio.Event(), keep_alive=True)
"""Stands for the request that was answered here: the parser reads over its body, and the connection is free for the next."""


class AdmissionProtocol(HttpToolsProtocol):
    """One connection. What is out of the ordinary goes the ordinary way, and meets the AdmissionMiddleware."""

    def __init__(self, *arguments: Any, admission: Admission, closing: asyncio.Event, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._admission = admission
        self._closing = closing
        self._reading = False

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes have come. While nobody is let in, a whole plain request is turned away without being parsed."""
        if self._admission.is_full and self._is_between_requests() and is_plain_request(data):
            self._unset_keepalive_if_required()
            self._refuse(self._admission.turn_away(), ())
        else:
            super().data_received(data)

    def _is_between_requests(self) -> bool:
        """Whether the next byte begins a request, and its answer is the next thing to be written."""
        before: RequestResponseCycle | None = self.cycle
        return not self._reading and (before is None or before.response_complete) and not self._closing.is_set()

    @override
    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._reading = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        """A request has begun."""
        caller = authorization(self.headers)
        if not caller or not self._is_ordinary():
            super().on_headers_complete()
        elif answer := self._admission.enter(caller):
            self._refuse(answer, self.headers)
        else:
            self.scope[ADMITTED] = caller  # type: ignore[typeddict-unknown-key]
            try:
                super().on_headers_complete()
            except BaseException:  # an address that is none
                self._admission.leave(caller)
                raise

    def _is_ordinary(self) -> bool:
        """Whether the answer is the next thing to be written, with a body, on a connection that goes on."""
        before: RequestResponseCycle | None = self.cycle
        parser: Any = self.parser
        return (
            (before is None or before.response_complete)
            and not self._closing.is_set()
            and not self.url.startswith(_EXEMPT)
            and not self.expect_100_continue
            and parser.get_method() != b"HEAD"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )

    @override
    def on_message_complete(self) -> None:
        """A request has been read to its end; one that was answered before that leaves an idle connection, whose time begins to run."""
        self._reading = False
        super().on_message_complete()
        if self.cycle.response_complete and self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _refuse(self, answer: ReadyAnswer, headers: Headers) -> None:
        ready, request_id = answer.to(headers)
        head = STATUS_LINE[answer.status] + ready.lines
        for name, value in self.server_state.default_headers:
            head += b"%s: %s\r\n" % (name, value)
        self.transport.write(b"%sx-request-id: %s\r\n\r\n%s" % (head, request_id, ready.body))
        self.cycle = _ANSWERED  # type: ignore[assignment]
        self.on_response_complete()
