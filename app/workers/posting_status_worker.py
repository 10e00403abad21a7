"""The worker of posting statuses: brings hints, sweeps and abandoned hints to the one place that decides.

Redis only says where to look. What is decided, and that it is decided once, is held by PostgreSQL's locks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any, Final

from app.core.redis import MOST_POSTINGS_A_HINT, Hint, HintStream, RedisFailure
from app.db.database import DatabaseBusy, DatabaseUnavailable, Executor
from app.services import queue_service
from app.services.ports import Announcements
from app.workers.posting_decider import PostingDecider
from app.workers.running import keep_calling

_BLOCK_MS: Final = 1_000
_ABANDONED_MS: Final = 10_000
_FORGOTTEN_MS: Final = 3_600_000
_RECLAIM_SECONDS: Final = 5.0
# Two batches on their way at once: while PostgreSQL writes one, the other is read and held against the rule.
_LANES: Final = 2
_MOST_PASSED_OVER: Final = 10


class PostingStatusWorker:
    """One worker process' loops; any number of processes may run at once."""

    def __init__(
        self,
        executor: Executor,
        streams: Sequence[HintStream],
        decider: PostingDecider,
        announcements: Announcements,
        chores: Mapping[str, Callable[[], Awaitable[float]]],
        *,
        name: str,
        batch_size: int,
        sweep_seconds: float,
    ) -> None:
        """`announcements` tell of postings with a new step. `chores` are done beside, each again and again; what one returns is for how
        many seconds it pauses. `name` must be new at each start; about `batch_size` postings are decided at once;
        an update that no hint brought within `sweep_seconds` is swept up."""
        self._executor = executor
        self._streams = streams
        self._decider = decider
        self._announcements = announcements
        self._chores = chores
        self._name = name
        self._batch_size = batch_size
        self._sweep_seconds = sweep_seconds
        self._stopping = asyncio.Event()
        self._full_read = False
        """Whether the last read since the last look of the sweep was new, and as much as a batch: then what waits has its hint in the
        stream."""

    def stop(self) -> None:
        """Ask the loops to end after what they have in hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until stop() is called."""
        async with asyncio.TaskGroup() as loops:
            for stream in self._streams:
                for lane in range(_LANES):
                    consumer = f"{self._name}-{lane}"
                    loops.create_task(self._keep(self._consumer(stream, consumer)), name=f"consume {stream.key} {lane}")
                loops.create_task(self._keep(self._reclaimer(stream)), name=f"reclaim {stream.key}")
            loops.create_task(self._keep(self._sweeper()), name="sweep")
            for name, chore in self._chores.items():
                loops.create_task(self._keep(chore), name=name)

    def _keep(self, work: Callable[[], Awaitable[float]]) -> Coroutine[Any, Any, None]:
        return keep_calling(work, self._stopping, passing=(DatabaseUnavailable, DatabaseBusy, *RedisFailure))

    def _consumer(self, stream: HintStream, name: str) -> Callable[[], Awaitable[float]]:
        in_hand = True  # what a crash, or a failure just now, left in this consumer's hands comes first
        few = count = max(1, self._batch_size // MOST_POSTINGS_A_HINT)

        async def consume() -> float:
            nonlocal in_hand, count
            self._full_read = full = False
            if in_hand:
                hints = await stream.read_again(name, count=self._batch_size)
            else:
                hints = await self._unless_stopping(stream.read(name, count=count, block_ms=_BLOCK_MS))
                full = len(hints) == count
            postings = sum(len(hint.posting_ids) for hint in hints)
            self._full_read = full and postings >= self._batch_size / 2
            # As many as are about a batch: at least so many are, and where more wait, those that came last tell.
            count = max(1, self._batch_size * len(hints) // postings) if full and postings else few
            again, in_hand = in_hand and bool(hints), bool(hints)
            await self._decide_and_acknowledge(stream, hints)
            in_hand = again
            return 0

        return consume

    async def _unless_stopping(self, reading: Coroutine[Any, Any, list[Hint]]) -> list[Hint]:
        """What is read, or nothing as soon as stop() is called: nobody waits for a hint that may not come.

        A hint that arrives in that very moment is taken over by another worker.
        """
        read = asyncio.ensure_future(reading)
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({read, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return await read if read.done() else []
        finally:
            read.cancel()
            stopped.cancel()

    async def _decide_and_acknowledge(self, stream: HintStream, hints: Sequence[Hint]) -> None:
        if hints:
            for postings in self._batches({posting_id for hint in hints for posting_id in hint.posting_ids}):
                await self._decider.decide(postings)
            # Decided and committed: only now may the hints go. A crash before this line brings them again, and finds nothing queued.
            await stream.acknowledge(hints)
            self._announcements.announce(self._decider.take_changed())

    def _batches(self, postings: Collection[int]) -> Iterator[Sequence[int]]:
        """In equal parts: no transaction for the few that are left over."""
        in_order = sorted(postings)
        parts = max(1, len(in_order) // self._batch_size)
        size = max(1, ceil(len(in_order) / parts))
        return (in_order[start : start + size] for start in range(0, len(in_order), size))

    def _reclaimer(self, stream: HintStream) -> Callable[[], Awaitable[float]]:
        async def reclaim() -> float:
            hints = await stream.take_over(self._name, idle_ms=_ABANDONED_MS, count=self._batch_size)
            await self._decide_and_acknowledge(stream, hints)
            if hints:
                return 0
            await stream.forget_idle_consumers(idle_ms=_FORGOTTEN_MS)
            return _RECLAIM_SECONDS

        return reclaim

    def _sweeper(self) -> Callable[[], Awaitable[float]]:
        after = -1
        passed_over = 0

        async def sweep() -> float:
            nonlocal after, passed_over
            if self._full_read and passed_over < _MOST_PASSED_OVER:
                # What waits has its hint in the stream, and sweeping it too would only bring it twice. Each full read excuses from one
                # sweep: when Redis falls silent after it, the next one takes place.
                self._full_read = False
                passed_over += 1
                return self._sweep_seconds / 2
            passed_over = 0
            found = await queue_service.sweep_queued_updates(
                self._executor,
                older_than=timedelta(seconds=self._sweep_seconds),
                after=after,
                limit=self._batch_size,
            )
            after = found[-1] if len(found) == self._batch_size else -1
            await self._decider.decide(found)
            self._announcements.announce(self._decider.take_changed())
            return 0 if after >= 0 else self._sweep_seconds / 2

        return sweep
