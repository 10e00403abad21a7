"""Sends hints behind the requests' backs: an answer never waits for Redis, and never fails with it."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from app.core.redis import HintStream, RedisFailure

_MOST_WAITING: Final = 100_000
_MOST_AT_ONCE: Final = 500
_PAUSE_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


class HintSender:
    """Collects hints and sends them in pipelines; while Redis is gone it drops them, and the workers' sweep finds the work."""

    def __init__(self, streams: Sequence[HintStream]) -> None:
        self._streams = streams
        self._waiting: deque[int] = deque()
        self._wake = asyncio.Event()
        self._open_circuit = False
        self._failing = False
        self._dropped = 0

    def hint(self, posting_ids: Sequence[int]) -> None:
        """Pass the hint on soon: no waiting, no failing."""
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
                await self.flush()
            except RedisFailure as error:
                await self._pause(error)
            else:
                self._tell_recovery()

    async def flush(self) -> None:
        """Send all that waits now."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
            try:
                await asyncio.gather(
                    *(self._send(number, stream, batch) for number, stream in enumerate(self._streams))
                )
            except RedisFailure:
                self._dropped += len(batch)
                raise

    async def _send(self, number: int, stream: HintStream, batch: Sequence[int]) -> None:
        if mine := [posting_id for posting_id in batch if posting_id % len(self._streams) == number]:
            await stream.add(mine)

    async def _pause(self, error: Exception) -> None:
        """Open the circuit: nothing is collected for a while, since it would only be late. Told once, until it works again."""
        if not self._failing:
            _log.warning("hints are not sent, the sweep finds the updates: %s", error)
        self._failing = self._open_circuit = True
        self._dropped += len(self._waiting)
        self._waiting.clear()
        await asyncio.sleep(_PAUSE_SECONDS)
        self._open_circuit = False

    def _tell_recovery(self) -> None:
        if self._failing:
            self._failing = False
            _log.info("hints are sent again; %d have been left to the sweep since the start", self._dropped)


@asynccontextmanager
async def sending_hints(streams: Sequence[HintStream], *, flush_seconds: float) -> AsyncIterator[HintSender]:
    """Yield a sender that runs meanwhile; what still waits at the end gets `flush_seconds`."""
    sender = HintSender(streams)
    task = asyncio.create_task(sender.run(), name="hint sender")
    try:
        yield sender
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        with suppress(TimeoutError, *RedisFailure):
            await asyncio.wait_for(sender.flush(), flush_seconds)
