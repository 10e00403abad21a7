"""Backpressure: a connection whose request was turned away is read again when its turn comes, so that refusing costs a bounded share.

Whoever waits as long as `Retry-After` says never notices. Whoever does not is heard later, since each refusal takes its time from
somebody who is answered: without a bound the process would do less the more is asked of it.
"""

import asyncio
import math
from collections import deque
from typing import Final, Protocol

from app.api.admission import Admission

_TICK_SECONDS: Final = 0.01
# At about 25 us for a refusal, one twentieth of the time.
_AT_LEAST_PER_TICK: Final = 20
# With so many connections that this would take longer than Retry-After says, more of them are heard: each after a second or so.
_TICKS_AT_MOST: Final = 100


class Reading(Protocol):
    """A connection whose bytes can be left where they are: uvicorn's FlowControl."""

    def pause_reading(self) -> None:
        """Leave what comes in the kernel's buffer, and so in the client's when that is full."""

    def resume_reading(self) -> None:
        """Take it again."""


class Backpressure:
    """The connections that wait to be read again, first come first served: some on each tick, and all for which there is room."""

    def __init__(self, admission: Admission, closing: asyncio.Event) -> None:
        self._admission = admission
        self._closing = closing
        self._waiting: deque[Reading] = deque()
        self._tick: asyncio.TimerHandle | None = None

    def hold(self, connection: Reading) -> None:
        """Read no more from a connection that has just been refused, until its turn comes."""
        connection.pause_reading()
        self._waiting.append(connection)
        if self._tick is None:
            self._tick = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._resume_next)

    def _resume_next(self) -> None:
        waiting = self._waiting
        for _ in range(min(self._turns(), len(waiting))):
            waiting.popleft().resume_reading()
        loop = asyncio.get_running_loop()
        self._tick = loop.call_later(_TICK_SECONDS, self._resume_next) if waiting else None

    def _turns(self) -> int:
        """How many are read again on this tick: all of them when the process is told to stop, since each is to be answered."""
        if self._closing.is_set():
            return len(self._waiting)
        return max(_AT_LEAST_PER_TICK, math.ceil(len(self._waiting) / _TICKS_AT_MOST), self._admission.room)
