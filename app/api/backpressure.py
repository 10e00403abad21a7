"""Backpressure: a connection whose request was turned away is read again when its turn comes, so that refusing costs a bounded share.

Whoever waits as long as `Retry-After` says never notices. Whoever does not is heard later, since each refusal takes its time from
somebody who is answered: without a bound the process would do less the more is asked of it.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

from app.api.admission import Admission

_TICK_SECONDS: Final = 0.002
# Turns for each request that is answered: with twice as many, a twentieth less is accepted at five times the capacity.
_TURNS_PER_ANSWER: Final = 0.25
# Whoever waits is read again within the second that Retry-After says, however many there are and however little is answered.
_TICKS_AT_MOST: Final = 500


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
        self._answered = 0
        self._turns = 0.0
        self._tick: asyncio.TimerHandle | None = None

    def hold(self, connection: Reading) -> None:
        """Read no more from a connection that has just been refused, until its turn comes."""
        connection.pause_reading()
        self._waiting.append(connection)
        if self._tick is None:
            self._answered, self._turns = self._admission.answered, 0.0
            self._tick = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._read_again)

    def _read_again(self) -> None:
        for _ in range(min(self._due(), len(self._waiting))):
            self._waiting.popleft().resume_reading()
        loop = asyncio.get_running_loop()
        self._tick = loop.call_later(_TICK_SECONDS, self._read_again) if self._waiting else None

    def _due(self) -> int:
        """How many are read again on this tick: all of them when the process is told to stop, since each is to be answered."""
        if self._closing.is_set():
            return len(self._waiting)
        answered = self._admission.answered
        self._turns += max((answered - self._answered) * _TURNS_PER_ANSWER, len(self._waiting) / _TICKS_AT_MOST)
        self._answered = answered
        turns = int(self._turns)
        self._turns -= turns
        return max(turns, self._admission.room)
