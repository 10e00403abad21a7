"""uvicorn's HTTP protocol that turns requests away as soon as their headers are read, for a third of what an ASGI answer costs.

At five times the capacity four of five requests are turned away: what each costs is taken from those that are answered.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.api.admission import ADMITTED, EXEMPT, Admission, ReadyAnswer, authorization
from app.api.backpressure import Backpressure
from app.api.bounded_protocol import BoundedProtocol
from app.api.plain_requests import plain_request
from app.api.request_id import new_request_id
from app.api.whole_answers import WRITER, Headers, ServerLines, written_lines

_EXEMPT: Final = EXEMPT.encode()
_ANSWERED: Final = SimpleNamespace(response_complete=True, message_event=asyncio.Event(), keep_alive=True)
"""Stands for the request that was answered here: the parser reads over its body, and the connection is free for the next."""
_server_lines: Final = ServerLines()


class AdmissionProtocol(BoundedProtocol):
    """One connection. What is out of the ordinary goes the ordinary way, and meets the AdmissionMiddleware."""

    def __init__(
        self, *arguments: Any, admission: Admission, backpressure: Backpressure, closing: asyncio.Event, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._admission = admission
        self._backpressure = backpressure
        self._closing = closing
        self._used_since = False
        self._was_refused = False

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes have come. While nobody is let in, a whole plain request is turned away without being parsed."""
        self._backpressure.is_heard(self.flow)
        if self._admission.is_full and self._is_between_requests() and self._may_be_turned_away(data):
            self._turn_away()
        else:
            super().data_received(data)
        if self._was_refused:
            self._was_refused = False
            # The server itself may have stopped reading, because of another request in the same bytes: it will go on by itself.
            if not self.flow.read_paused:
                self._backpressure.hold(self.flow)

    def _may_be_turned_away(self, data: bytes) -> bool:
        """Whether these bytes are a request whose refusal is always the same."""
        request = plain_request(data)
        return request is not None and not request.fields.tell and not request.target.startswith(EXEMPT)

    def _turn_away(self) -> None:
        """Refuse what was not parsed. To set the clock of the idle connection anew would cost as much as the rest: it is told to run on."""
        answer = self._admission.turn_away()
        self._has_arrived()
        self.transport.write(answer.english.written(self.server_state.default_headers, new_request_id().encode()))
        self._has_answered()
        self._was_refused = True

    def _has_answered(self) -> None:
        """What was written was no cycle's answer: it is counted, and the clock of the idle connection runs on."""
        self.server_state.total_requests += 1
        self._used_since = self.timeout_keep_alive_task is not None
        if not self._used_since:
            self._start_to_be_idle()

    def _start_to_be_idle(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    @override
    def timeout_keep_alive_handler(self) -> None:
        """The clock of an idle connection has run down; one that was used meanwhile has as long again."""
        if self._used_since and not self.transport.is_closing():
            self._used_since = False
            self._start_to_be_idle()
        else:
            super().timeout_keep_alive_handler()

    def _is_between_requests(self) -> bool:
        """Whether the next byte begins a request that may be answered at once."""
        return not self._reading and self._may_write()

    def _may_write(self) -> bool:
        """Whether this is the next answer to be written, to a client that reads its answers, on a connection that goes on."""
        before: RequestResponseCycle | None = self.cycle
        return (
            (before is None or before.response_complete) and not self.flow.write_paused and not self._closing.is_set()
        )

    @override
    def on_headers_complete(self) -> None:
        """A request has begun."""
        if not self._is_ordinary():
            super().on_headers_complete()
            return
        self.scope[WRITER] = self._write  # type: ignore[typeddict-unknown-key]
        caller = authorization(self.headers)
        if not caller:
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
        """Whether the answer may be written at once, with a body, on a connection that goes on."""
        parser: Any = self.parser
        return (
            self._may_write()
            and not self.url.startswith(_EXEMPT)
            and not self.expect_100_continue
            and parser.get_method() != b"HEAD"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )

    def _write(self, status: int, headers: Headers, body: bytes) -> bool:
        """Answer the request that is being answered, as a Writer does: as long as its client is there, reads, and may go on asking."""
        cycle = self._answering
        if cycle is None or cycle.disconnected or not cycle.keep_alive or self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        self.transport.write(self._written(status, written_lines(headers), body))
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _written(self, status: int, lines: bytes, body: bytes) -> bytes:
        """A whole answer, with the header lines that the server adds to each."""
        return b"%s%s%s\r\n%s" % (STATUS_LINE[status], _server_lines.of(self.server_state.default_headers), lines, body)

    @override
    def on_response_complete(self) -> None:
        """An answer has been written."""
        super().on_response_complete()
        self._wait_behind_others()

    def _wait_behind_others(self) -> None:
        """While others wait to be read, the next request on this connection waits behind them."""
        if self._backpressure.is_felt and self._is_between_requests() and not self.flow.read_paused:
            self._backpressure.hold(self.flow)

    @override
    def on_message_complete(self) -> None:
        """A request has been read to its end; one that was answered before that leaves an idle connection, whose time begins to run."""
        super().on_message_complete()
        if self.cycle.response_complete and self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._start_to_be_idle()

    def _refuse(self, answer: ReadyAnswer, headers: Headers) -> None:
        ready, request_id = answer.to(headers)
        self.transport.write(ready.written(self.server_state.default_headers, request_id))
        self.cycle = _ANSWERED  # type: ignore[assignment]
        self.on_response_complete()
        self._was_refused = True
