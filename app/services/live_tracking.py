"""Live tracking: what open streams tell, each parcel read once for however many follow it."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from app.core.background import running
from app.core.logging import RareWarning
from app.db.database import Row
from app.services.posting_lifecycle import MAY_BE_FOLLOWED_BY
from app.services.tracking_service import PublicDesk, find_steps, to_tracking

_MOST_AT_ONCE: Final = 100
# An announcement can be lost, and is while Redis is gone: all parcels are looked at again, seldom or often; often also for a while
# after it is back, since whoever announces may not have found it again yet.
_SELDOM_SECONDS: Final = 30.0
_OFTEN_SECONDS: Final = 2.0
_SETTLED_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A parcel as it was when it was read."""

    posting_id: int
    tracking_code: str
    number: int
    """Of the step that was written last; steps are numbered from 1 without holes."""
    is_finished: bool
    tracking: str
    """The Tracking, as JSON."""

    @classmethod
    def of(cls, steps: Sequence[Row]) -> "Timeline":
        """The parcel whose steps these are."""
        tracking = to_tracking(steps)
        return cls(
            posting_id=steps[0]["posting_id"],
            tracking_code=tracking.tracking_code,
            number=len(steps),
            is_finished=not MAY_BE_FOLLOWED_BY[tracking.status],
            tracking=tracking.model_dump_json(),
        )


class FollowedParcel:
    """A parcel that streams follow. It keeps its last timeline and no other: whoever is slow misses what lay between."""

    def __init__(self, timeline: Timeline, closing: asyncio.Event) -> None:
        self.timeline = timeline
        self.followers = 0
        self._closing = closing
        self._moved = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether there will be no more, since the process is about to stop."""
        return self._closing.is_set()

    def update(self, timeline: Timeline) -> None:
        """Take this for what is, unless it is older than what is known."""
        if timeline.number > self.timeline.number:
            self.timeline = timeline
            self.wake()

    def wake(self) -> None:
        """Whoever waits at this moment looks again."""
        self._moved.set()
        self._moved.clear()

    async def moves_past(self, number: int, *, within: float) -> bool:
        """Wait for a step after that number, or for the end; False when `within` seconds brought neither."""
        if self.timeline.number > number or self.is_over:
            return True
        try:
            async with asyncio.timeout(within):
                return await self._moved.wait()
        except TimeoutError:
            return False


class LiveTracking:
    """All parcels that this process' streams follow. One round of lookups at a time reads those that were announced, or that it
    is time to look at: what it costs grows with the parcels that change, not with the streams."""

    def __init__(self, desk: PublicDesk, closing: asyncio.Event) -> None:
        """Once `closing` is set, all streams end."""
        self._desk = desk
        self._closing = closing
        self._parcels: dict[int, FollowedParcel] = {}
        self._announced: set[int] = set()
        self._in_doubt: set[int] = set()
        self._wake = asyncio.Event()
        self._often_until = math.inf
        self._failed = RareWarning(_log, "parcels that are followed could not be read, and will be again")

    async def find(self, tracking_code: str) -> Timeline:
        """The parcel with this code; raises as tracking_service.find_steps does."""
        return Timeline.of(await find_steps(self._desk, tracking_code))

    @contextmanager
    def following(self, timeline: Timeline) -> Iterator[FollowedParcel]:
        """Follow the parcel that was just found."""
        posting_id = timeline.posting_id
        parcel = self._parcels.get(posting_id)
        if parcel is None:
            parcel = self._parcels[posting_id] = FollowedParcel(timeline, self._closing)
            # What was announced since it was read was told to nobody.
            self.changed([posting_id])
        parcel.update(timeline)
        parcel.followers += 1
        try:
            yield parcel
        finally:
            parcel.followers -= 1
            if not parcel.followers:
                del self._parcels[posting_id]

    def changed(self, posting_ids: Sequence[int]) -> None:
        """These postings have a new step."""
        if followed := self._parcels.keys() & posting_ids:
            self._announced |= followed
            self._wake.set()

    def hearing(self, *, is_heard: bool) -> None:
        """From now on announcements are heard, or not: what was announced meanwhile, or will be, is looked for."""
        self._often_until = asyncio.get_running_loop().time() + _SETTLED_SECONDS if is_heard else math.inf
        self._in_doubt |= self._parcels.keys()
        self._wake.set()

    async def run(self) -> None:
        """Read what changes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(), name="live tracking")
            tasks.create_task(self._end(), name="end of live tracking")

    async def _end(self) -> None:
        await self._closing.wait()
        for parcel in self._parcels.values():
            parcel.wake()

    async def _read(self) -> None:
        now = asyncio.get_running_loop().time
        looked = now()
        while True:
            due = looked + (_OFTEN_SECONDS if looked < self._often_until else _SELDOM_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            self._wake.clear()
            if now() >= due:
                self._in_doubt |= self._parcels.keys()
                looked = now()
            while self._announced or self._in_doubt:
                await self._read_some()

    async def _read_some(self) -> None:
        """What was announced goes before what is only in doubt."""
        source = self._announced or self._in_doubt
        ids = [source.pop() for _ in range(min(_MOST_AT_ONCE, len(source)))]
        self._in_doubt.difference_update(ids)
        codes = [self._parcels[each].timeline.tracking_code for each in ids if each in self._parcels]
        try:
            found = await asyncio.gather(*map(self._desk.find, codes))
        except Exception as error:  # noqa: BLE001 - whatever it was, streams must not wait for ever
            self._failed(error)
            self._in_doubt.update(ids)
            await asyncio.sleep(_PAUSE_SECONDS)
            return
        for steps in filter(None, found):
            timeline = Timeline.of(steps)
            if parcel := self._parcels.get(timeline.posting_id):
                parcel.update(timeline)


@asynccontextmanager
async def tracking_live(desk: PublicDesk, closing: asyncio.Event) -> AsyncIterator[LiveTracking]:
    """Yield live tracking that runs meanwhile."""
    live = LiveTracking(desk, closing)
    async with running(live.run(), "live tracking"):
        yield live
