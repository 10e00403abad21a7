"""Backpressure: while there is too much to do, connections are read in turn, so that refusing costs a bounded share.

Each refusal takes its time from somebody who is answered: without a bound the process would do less the more is asked of it. So whoever was
turned away is read again when there is a place, or soon in any case, to be told again; and whoever was answered asks again behind them.
Whoever waits as long as `Retry-After` says never notices.
"""

import asyncio
from typing import Final, Protocol

from app.api.admission import Admission

_TICK_SECONDS: Final = 0.005
# What was on its way when a connection is read again has come by then.
_SILENT_SECONDS: Final = 0.025
# Well within the second that Retry-After says, whoever waits is read: there is no place for so many.
_LONGEST_SECONDS: Final = 0.5


class Reading(Protocol):
    """A connection whose bytes can be left where they are: uvicorn's FlowControl."""

    def pause_reading(self) -> None:
        """Leave what comes in the kernel's buffer, and so in the client's when that is full."""

    def resume_reading(self) -> None:
        """Take it again."""


class Backpressure:
    """The connections that wait to be read again, first come first served: one for each place that is free, and who has waited long."""

    def __init__(self, admission: Admission, closing: asyncio.Event) -> None:
        self._admission = admission
        self._closing = closing
        # Since when each waits, and since when each is read that has not said anything yet.
        self._waiting: dict[Reading, float] = {}
        self._read: dict[Reading, float] = {}
        self._free = 0
        self._tick: asyncio.TimerHandle | None = None
        admission.when_answered = self._place_is_free

    @property
    def is_felt(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def hold(self, connection: Reading) -> None:
        """Read no more from a connection until its turn comes."""
        connection.pause_reading()
        loop = asyncio.get_running_loop()
        self._waiting.setdefault(connection, loop.time())
        if self._tick is None:
            self._tick = loop.call_later(_TICK_SECONDS, self._look)

    def is_heard(self, connection: Reading) -> None:
        """Something has come on this connection."""
        if self._read:
            self._read.pop(connection, None)

    def _place_is_free(self) -> None:
        """Somebody was answered: the next is read as soon as all who are at this moment have left."""
        if self._waiting:
            if not self._free:
                asyncio.get_running_loop().call_soon(self._fill)
            self._free += 1

    def _fill(self) -> None:
        self._go_on(self._free)
        self._free = 0

    def _look(self) -> None:
        """Whoever says nothing has left his place free. When the process is told to stop, everybody is to be answered."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._read and next(iter(self._read.values())) < now - _SILENT_SECONDS:
            del self._read[next(iter(self._read))]
        self._go_on(
            len(self._waiting) if self._closing.is_set() else self._admission.room - self._free - len(self._read)
        )
        while self._waiting and next(iter(self._waiting.values())) < now - _LONGEST_SECONDS:
            self._go_on(1)
        if self._waiting:
            self._tick = loop.call_later(_TICK_SECONDS, self._look)
        else:
            self._tick = None
            self._read.clear()  # nobody looks any more, and a connection that has gone is not to be kept

    def _go_on(self, count: int) -> None:
        now = asyncio.get_running_loop().time()
        for _ in range(min(count, len(self._waiting))):
            connection = next(iter(self._waiting))
            del self._waiting[connection]
            self._read[connection] = now
            connection.resume_reading()
