"""The connections of the process: how many there may be, and how long one may keep it waiting for a request or for its reader."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from app.api.admission import Admission, ReadyAnswer
from app.api.edge_errors import BadRequest, HeadTooLarge, RequestTimeout
from app.core.logging import RareWarning
from app.services.errors import Overloaded

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Waiting(Protocol):
    """A connection, as far as it is waited for."""

    def request_is_late(self) -> None:
        """The rest of a request has not come in time."""

    def reader_is_late(self) -> None:
        """An answer has not been read in time."""

    def give_way(self) -> None:
        """There is somebody else who may have something to say."""


class Patience(Generic[T]):
    """Everybody has the same time, so whoever began first is the first to be late: one timer does for thousands."""

    def __init__(self, seconds: float, late: Callable[[T], None]) -> None:
        """`late` is called with each whose time is over; by then it is not waited for any more."""
        self._seconds = seconds
        self._late = late
        self._waiting: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, who: T) -> None:
        """The time of this one begins, or begins anew."""
        loop = asyncio.get_running_loop()
        self._waiting.pop(who, None)
        self._waiting[who] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look)

    def end(self, who: T) -> None:
        """It came in time, or is gone."""
        self._waiting.pop(who, None)

    def __contains__(self, who: T) -> bool:
        """Whether this one is waited for."""
        return who in self._waiting

    @property
    def longest(self) -> T | None:
        """Who has been waited for longest."""
        return next(iter(self._waiting), None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        try:
            while (first := self.longest) is not None and self._waiting[first] <= now:
                del self._waiting[first]
                self._late(first)
        finally:  # the clock goes on, whatever becomes of one of them
            first = self.longest
            self._timer = None if first is None else loop.call_at(self._waiting[first], self._look)


class Connections:
    """What all of them share. `requests` and `readers` end the patience with whoever sends, or takes an answer, too slowly."""

    def __init__(self, *, most: int, share_of_one: float, patience_seconds: float) -> None:
        """At most `most` connections, and at most that share of them for one address."""
        self.places: Final = Admission(
            name="connections", most=most, share_of_one=share_of_one, told="connections are turned away"
        )
        self.requests: Final[Patience[Waiting]] = Patience(patience_seconds, lambda waiting: waiting.request_is_late())
        self.readers: Final[Patience[Waiting]] = Patience(patience_seconds, lambda waiting: waiting.reader_is_late())
        self.bad_request: Final = ReadyAnswer(BadRequest())
        self.request_timeout: Final = ReadyAnswer(RequestTimeout())
        self.head_too_large: Final = ReadyAnswer(HeadTooLarge())
        self.warn: Final = RareWarning(_log, "a connection was closed that kept us waiting")

    def enter(self, caller: bytes) -> ReadyAnswer | None:
        """Take a new connection; or the answer that turns it away. Where all places are taken, the one waited for longest gives way."""
        answer = self.places.enter(caller)
        if answer is None or not isinstance(answer.refusal, Overloaded) or (slowest := self.requests.longest) is None:
            return answer
        slowest.give_way()
        return self.places.enter(caller)
