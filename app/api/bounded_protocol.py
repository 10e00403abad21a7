"""uvicorn's HTTP protocol with what it lacks: bounds for a client that sends slowly or without end, reads slowly, or does nothing at all.

uvicorn itself bounds the time of an idle connection between two requests, and nothing else.
"""

from asyncio import Transport
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.admission import ReadyAnswer, stand_aside
from app.api.connections import Connections
from app.core.addresses import network_of

# Of headers and trailers: each further piece of a long one costs the parser as much as all that came before.
_MOST_HEAD_BYTES: Final = 65_536
# Whoever takes that much of an answer in the time that there is is slow, and not stuck.
_PROGRESS_BYTES: Final = 65_536
# Less than that is on its way as a rule, and is looked at when the connection has been idle.
_WORTH_WAITING_BYTES: Final = 16_384
_CLOSE: Final = (b"connection", b"close")


class BoundedProtocol(HttpToolsProtocol):
    """One connection. From its beginning, and then from the first byte of each request, the rest must come in time."""

    def __init__(self, *arguments: Any, connections: Connections, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._connections = connections
        self._place: bytes | None = None
        self._reading = False
        self._is_awaited = False
        self._is_head = False
        self._head_bytes = 0
        self._answering: RequestResponseCycle | None = None
        self._unread = 0
        # uvicorn's, where the peer is one of those.
        self._proxies: Any = None

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        caller = self._caller()
        if answer := self._connections.enter(caller):
            self._dismiss(answer)
            return
        self._place = caller
        self._await_request()

    def _caller(self) -> bytes:
        """Who is counted: an address; but a proxy that is believed what it says of addresses speaks for many."""
        host, port = self.client or ("", 0)
        trusted: Any = getattr(self.app, "trusted_hosts", ())
        self._proxies = trusted if host in trusted else None
        return f"{host} {port}".encode() if self._proxies else network_of(host).encode()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._leave()
        if self._answering is not None and not self._answering.response_complete:
            # uvicorn tells only the last of several requests that came together, and the first would write to what is closed.
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if self._place is not None:
            self._connections.places.leave(self._place)
            self._place = None
        self._connections.requests.end(self)
        self._connections.readers.end(self)

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes have come: whole requests, as a rule, and then there is nothing to wait for."""
        self._is_head = True
        super().data_received(data)
        if not self._reading or self.transport.is_closing():
            return
        if not self._is_awaited:
            self._await_request()
        if self._is_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self._connections.warn("large head")
                self._refuse_the_rest(self._connections.head_too_large)

    def _is_no_head(self) -> None:
        """In the bytes that have come is something else than more of a head (or of trailers)."""
        self._is_head = False
        self._head_bytes = 0

    def _await_request(self) -> None:
        self._is_awaited = True
        self._connections.requests.begin(self)

    def _has_arrived(self) -> None:
        """A whole request has been read."""
        self._reading = False
        if self._is_awaited:
            self._is_awaited = False
            self._connections.requests.end(self)

    @override
    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._reading = True
        self._is_no_head()
        super().on_message_begin()

    @override
    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._is_no_head()
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        """The last one."""
        self._has_arrived()
        super().on_message_complete()

    def request_is_late(self) -> None:
        """The time for a request is over; but it is not the client who keeps us waiting while we do not read."""
        if self.flow.read_paused:
            self._await_request()
            return
        self._connections.warn("slow request")
        self._refuse_the_rest(self._connections.request_timeout)

    def _refuse_the_rest(self, answer: ReadyAnswer) -> None:
        """What is left of a request is not read, nor what comes after it."""
        if self._reading and self._may_answer():
            self._dismiss(answer)
        else:
            self.transport.close()
            self._await_reader_of_the_rest()

    def _may_answer(self) -> bool:
        """Whether no answer has been begun that is not finished."""
        newest = self._newest
        return newest is None or newest.response_complete or not newest.response_started

    @property
    def _newest(self) -> RequestResponseCycle | None:
        """The last request whose headers have been read."""
        return self.cycle

    def give_way(self) -> None:
        """All places are taken, and this one has been waited for longest."""
        self._leave()
        self.transport.abort()

    @override
    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._dismiss(self._connections.bad_request)

    def _dismiss(self, answer: ReadyAnswer) -> None:
        """The last answer on this connection."""
        ready, request_id = answer.to(self.headers if self._reading else ())
        self.transport.write(ready.written([*self.server_state.default_headers, _CLOSE], request_id))
        self.transport.close()
        self._await_reader_of_the_rest()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    @override
    def pause_writing(self) -> None:
        """The client does not take its answer as fast as it is made: while we wait for that, nobody else is kept out."""
        super().pause_writing()
        if self._answering is not None:
            stand_aside(self._answering.scope)
        self._await_reader()

    @override
    def resume_writing(self) -> None:
        """It has taken nearly all."""
        super().resume_writing()
        self._connections.readers.end(self)

    @override
    def on_response_complete(self) -> None:
        """An answer has been written, to the last byte, and maybe not been read yet."""
        super().on_response_complete()
        self._await_reader_of_the_rest()

    @override
    def timeout_keep_alive_handler(self) -> None:
        """A connection that was idle for too long is closed, once everything on it has been read."""
        super().timeout_keep_alive_handler()
        self._await_reader_of_the_rest()

    def _await_reader_of_the_rest(self) -> None:
        """What was written may stay unread for a while, also where uvicorn would close the connection once it has been read."""
        enough = 0 if self.transport.is_closing() else _WORTH_WAITING_BYTES
        if self.transport.get_write_buffer_size() > enough and self not in self._connections.readers:
            self._await_reader()

    def _await_reader(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._connections.readers.begin(self)

    def reader_is_late(self) -> None:
        """The time for reading is over: who has taken a good part of it has as long again."""
        unread = self.transport.get_write_buffer_size()
        if unread and unread > self._unread - _PROGRESS_BYTES:
            self.transport.abort()
            self._connections.warn("slow reader")
        elif unread:
            self._await_reader()
