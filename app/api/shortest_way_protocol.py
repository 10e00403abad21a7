"""uvicorn's HTTP protocol that lets plain requests take the shortest way: answered from the bytes that came, and written at once."""

from typing import Any

from typing_extensions import override

from app.api.admission import ADMITTED
from app.api.admission_protocol import AdmissionProtocol
from app.api.bounded_protocol import BoundedProtocol
from app.api.plain_requests import PlainRequest, plain_request
from app.api.shortest_way import PlainlyAsked, ShortestWay
from app.core.addresses import network_of


class ShortestWayProtocol(AdmissionProtocol):
    """One connection. What is not plain, or not in order, goes the ordinary way; and what comes before an answer waits for it."""

    def __init__(self, *arguments: Any, shortest_way: ShortestWay, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._shortest_way = shortest_way
        self._pending: PlainlyAsked | None = None
        self._held = b""
        self._carried: dict[str, Any] | None = None

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._pending is not None:
            self._held += data
            self.flow.pause_reading()
        elif (
            self._admission.is_full
            or not self._is_between_requests()
            or not ((request := plain_request(data)) and self._takes(request, data))
        ):
            super().data_received(data)

    def _takes(self, request: PlainRequest, data: bytes) -> bool:
        """Whether it is answered here."""
        asked = self._shortest_way.look_at(request)
        if asked is None:
            return False
        caller = request.fields.named.get(b"authorization", b"")
        network = "" if caller else network_of(self._host(request))
        caller = caller or network.encode()
        if not self._admission.let_in(caller):
            return False
        if not asked.is_in_order(network):
            self._admission.leave(caller, answered=False)
            return False
        self._backpressure.is_heard(self.flow)
        self._has_arrived()
        self._used_since = True
        self._pending = asked
        self.cycle = asked  # type: ignore[assignment]
        asked.task = self.loop.create_task(self._answer(asked, caller, data))
        self.tasks.add(asked.task)
        return True

    def _host(self, request: PlainRequest) -> str:
        """Where it comes from, also through a proxy that is believed, as uvicorn's ProxyHeadersMiddleware finds it."""
        host, _ = self.client or ("", 0)
        if self._proxies and (forwarded := request.fields.named.get(b"x-forwarded-for")):
            told, _ = self._proxies.get_trusted_client_address(forwarded.decode("latin-1"))
            return told or host
        return host

    async def _answer(self, asked: PlainlyAsked, caller: bytes, data: bytes) -> None:
        error: Exception | None = None
        status, lines, body = 0, b"", b""
        try:
            status, lines, body = await asked.answer()
        except Exception as failure:  # noqa: BLE001 - the application tells of it
            error = failure
        finally:
            self.tasks.discard(asked.task)
            self._pending = None
            asked.response_complete = True
            if error is None or self.transport.is_closing():
                self._admission.leave(caller)
        if error is None:
            self._end(self._written(status, lines, body), goes_on=asked.keep_alive)
        elif self.transport.is_closing():
            asked.has_gone()
        else:
            self._carried = {**asked.failed(error), ADMITTED: caller}
            BoundedProtocol.data_received(self, data)  # not the door once more: it has its place
            self._take_up()

    @override
    def on_headers_complete(self) -> None:
        """A request has begun: maybe the one whose bytes have been here before."""
        if self._carried is None:
            super().on_headers_complete()
        else:
            self.scope.update(self._carried)  # type: ignore[typeddict-item]
            self._carried = None
            BoundedProtocol.on_headers_complete(self)

    def _end(self, answer: bytes, *, goes_on: bool) -> None:
        """Write it, and go on to what came meanwhile. To set the clock of the idle connection anew would cost more: it runs on."""
        if self.transport.is_closing():
            return
        self.transport.write(answer)
        if not goes_on:
            self.transport.close()
        if self.transport.get_write_buffer_size():
            self._await_reader_of_the_rest()
        self._has_answered()
        self._wait_behind_others()
        self._take_up()

    def _take_up(self) -> None:
        """What came before the answer was there."""
        if self._held and not self.transport.is_closing():
            held, self._held = self._held, b""
            self.flow.resume_reading()
            self.data_received(held)

    @override
    def timeout_keep_alive_handler(self) -> None:
        """The clock of an idle connection has run down, or of one that waits for its answer."""
        self._used_since = self._used_since or self._pending is not None
        super().timeout_keep_alive_handler()
