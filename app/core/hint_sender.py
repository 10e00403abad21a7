"""Sends hints behind the back of whoever has them: nobody waits for Redis, and nobody fails with it."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import ClassVar, Final, Protocol

from app.core.background import running
from app.core.redis import ChangeChannel, HintStream, RedisFailure

_MOST_WAITING: Final = 100_000
_MOST_AT_ONCE: Final = 500
_PAUSE_SECONDS: Final = 1.0
_FLUSH_SECONDS: Final = 1.0
# Each sending costs as much as accepting an update or two: where many come, whatever comes in so short a time goes together.
_MANY: Final = 16
_LULL_SECONDS: Final = 0.002

_log = logging.getLogger(__name__)


class _Outlet(Protocol):
    async def add(self, posting_ids: Sequence[int]) -> None: ...


class _Sender:
    """Collects postings and sends them together; while Redis is gone it drops them."""

    what: ClassVar[str]
    """What is sent, as the log tells it."""

    def __init__(self, outlets: Sequence[_Outlet]) -> None:
        self._outlets = outlets
        self._waiting: deque[int] = deque()
        self._wake = asyncio.Event()
        self._open_circuit = False
        self._failing = False
        self._dropped = 0

    def _collect(self, posting_ids: Sequence[int]) -> None:
        if self._open_circuit or len(self._waiting) + len(posting_ids) > _MOST_WAITING:
            self._dropped += len(posting_ids)
            return
        self._waiting.extend(posting_ids)
        self._wake.set()

    async def run(self) -> None:
        """Send what is collected, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                sent = await self.flush()
            except RedisFailure as error:
                await self._pause(error)
            else:
                self._tell_recovery()
                await asyncio.sleep(_LULL_SECONDS if sent >= _MANY else 0)

    async def flush(self) -> int:
        """Send all that waits now; how many those were."""
        sent = 0
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
            try:
                await self._send(batch)
            except RedisFailure:
                self._dropped += len(batch)
                raise
            sent += len(batch)
        return sent

    async def _send(self, batch: Sequence[int]) -> None:
        if len(self._outlets) == 1:
            await self._outlets[0].add(batch)
            return
        shares: dict[int, list[int]] = defaultdict(list)
        for posting_id in batch:
            shares[posting_id % len(self._outlets)].append(posting_id)
        await asyncio.gather(*(self._outlets[number].add(share) for number, share in shares.items()))

    async def _pause(self, error: Exception) -> None:
        """Open the circuit: nothing is collected for a while, since it would only be late. Told once, until it works again."""
        if not self._failing:
            _log.warning("%s are not sent: %s", self.what, error)
        self._failing = self._open_circuit = True
        self._dropped += len(self._waiting)
        self._waiting.clear()
        await asyncio.sleep(_PAUSE_SECONDS)
        self._open_circuit = False

    def _tell_recovery(self) -> None:
        if self._failing:
            self._failing = False
            _log.info("%s are sent again; %d have been dropped since the start", self.what, self._dropped)


class HintSender(_Sender):
    """Hints that an update waits, for the workers: what is dropped is found by their sweep."""

    what = "hints"

    def hint(self, posting_ids: Sequence[int]) -> None:
        """Pass the hint on soon: no waiting, no failing."""
        self._collect(posting_ids)


class Announcer(_Sender):
    """Announces new steps, for open streams: what is dropped is found when they look again."""

    what = "announcements"

    def announce(self, posting_ids: Sequence[int]) -> None:
        """Pass the announcement on soon: no waiting, no failing."""
        self._collect(posting_ids)


@asynccontextmanager
async def sending_hints(streams: Sequence[HintStream]) -> AsyncIterator[HintSender]:
    """Yield a sender that runs meanwhile; what still waits at the end gets a second."""
    sender = HintSender(streams)
    async with _running(sender):
        yield sender


@asynccontextmanager
async def announcing(channel: ChangeChannel) -> AsyncIterator[Announcer]:
    """Yield an announcer that runs meanwhile; what still waits at the end gets a second."""
    announcer = Announcer([channel])
    async with _running(announcer):
        yield announcer


@asynccontextmanager
async def _running(sender: _Sender) -> AsyncIterator[None]:
    async with running(sender.run(), f"sender of {sender.what}"):
        yield
    with suppress(TimeoutError, *RedisFailure):
        await asyncio.wait_for(sender.flush(), _FLUSH_SECONDS)
