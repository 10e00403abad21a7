"""uvicorn that stops without dropping anybody: it says so first, goes on for a while, and answers all that it has read."""

import asyncio
import logging
import signal
import socket
import time
from types import FrameType
from typing import Final

import uvicorn
from typing_extensions import override

from app.api.admission import has_left_early

# After the last connection was taken: how long those that are open and quiet are still heard. A request that was on its way when the
# process was told to stop has arrived by then.
_LINGER_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.02

_log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """A first SIGTERM begins the drain; SIGINT, or a second signal, stops at once; one more does not wait for anything."""

    def __init__(self, config: uvicorn.Config, *, closing: asyncio.Event, drain_seconds: float) -> None:
        """`closing` is set when the drain begins; `drain_seconds` later no new connection is taken."""
        super().__init__(config)
        self._closing = closing
        self._drain_seconds = drain_seconds
        self._stop_at: float | None = None

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came. It is not raised again at the end, as uvicorn would: to stop when told so is no failure."""
        if self.should_exit:
            self.force_exit = True
        elif sig == signal.SIGTERM and self._stop_at is None:
            self._stop_at = time.monotonic() + self._drain_seconds
        else:
            self.should_exit = True

    @override
    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: whether to stop taking connections."""
        if self._stop_at is not None:
            self._begin_drain()
            self.should_exit = self.should_exit or time.monotonic() >= self._stop_at
        return await super().on_tick(counter)

    def _begin_drain(self) -> None:
        """From now on each answer ends its connection, so that the client makes its next one elsewhere."""
        if self._closing.is_set():
            return
        self._closing.set()
        _log.info("told to stop: not ready any more, serving for another %g s", self._drain_seconds)
        close = (b"connection", b"close")
        self.config.encoded_headers.append(close)
        self.server_state.default_headers = [*self.server_state.default_headers, close]
        for connection in self.server_state.connections:
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_complete:
                cycle.keep_alive = False

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connection, answer what comes on the open ones, and close them."""
        self._begin_drain()
        for server in self.servers:
            server.close()
        linger_until = time.monotonic() + _LINGER_SECONDS
        while self.server_state.connections and time.monotonic() < linger_until and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)  # uvicorn tells nobody when a connection ends
        self._abort_stuck_streams()
        await super().shutdown(sockets)

    def _abort_stuck_streams(self) -> None:
        """A stream has ended by now, unless its reader takes nothing any more: nobody waits for him."""
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_complete and has_left_early(cycle.scope):
                cycle.transport.abort()
