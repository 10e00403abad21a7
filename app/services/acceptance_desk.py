"""Lets requests that wait share the next commit: a durable accept costs one commit for all who came meanwhile, not one each."""

import asyncio
import random
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from app.db.database import CommitUnknown, Database, DatabaseBusy, DatabaseUnavailable
from app.services.acceptance import Wish, accept_wishes
from app.services.backlog import Backlog
from app.services.errors import Overloaded
from app.services.ports import Hints

_MOST_AT_ONCE: Final = 1_000
# A few rounds: whoever came after them would wait for longer than is worth waiting.
_MOST_WAITING: Final = 5_000
# For so long a round tries again what was busy; the others wait behind it.
_BUSY_SECONDS: Final = 1.0
_BUSY_PAUSE_SECONDS: Final = 0.05
# A round that was lost after this time has cost those who wait enough: the next would cost them as much again.
_PATIENCE_SECONDS: Final = 0.5

# So many are told at once that they are done: to write hundreds of answers in one go would keep everybody else waiting.
_TOLD_AT_ONCE: Final = 16

# While PostgreSQL commits one round, the next are read and written: neither the process nor PostgreSQL waits for the other. But a round
# costs them as much as some twenty updates, so that fewer wait for its end: small ones side by side would only be slower.
_LANES: Final = 3
_ENOUGH_BESIDE: Final = 24
# Whatever takes so long is held up, by a lock or a server that is away: then few are enough, too.
_LONG_SECONDS: Final = 0.05

_Batch = tuple[Sequence[Wish], "asyncio.Future[None]"]


class AcceptanceDesk:
    """Whoever arrives during a round is part of the next, in the order of arrival; that one begins when a round is over, or earlier when
    half as many wait as are in hand, and they are many or it takes long: rounds stay nearly as large as they can be."""

    def __init__(self, database: Database, hints: Hints, backlog: Backlog) -> None:
        self._database = database
        self._hints = hints
        self._backlog = backlog
        self._waiting: deque[_Batch] = deque()
        self._wishes_waiting = 0
        self._wishes_in_hand = 0
        self._rounds_held_up = 0
        self._lanes: set[asyncio.Task[None]] = set()

    async def accept(self, wishes: Sequence[Wish]) -> None:
        """Give each wish its outcome; raises what accept_wishes raises, and Overloaded or BacklogFull before anything is done."""
        self._backlog.require_room()
        if self._wishes_waiting + len(wishes) > _MOST_WAITING:
            raise Overloaded
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((wishes, done))
        self._wishes_waiting += len(wishes)
        self._begin_if_time()
        await done

    def _begin_if_time(self) -> None:
        if len(self._lanes) < _LANES and self._is_time:
            lane = asyncio.create_task(self._run(), name="acceptance")
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    @property
    def _is_time(self) -> bool:
        """Whether a round may begin now."""
        if not self._waiting or 2 * self._wishes_waiting < self._wishes_in_hand:
            return False
        return not self._wishes_in_hand or self._wishes_waiting >= _ENOUGH_BESIDE or self._rounds_held_up > 0

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        while self._is_time:
            together = self._next_round()
            began = now()
            try:
                with self._in_hand(sum(len(wishes) for wishes, _ in together)):
                    await self._accept_together(together, began + _BUSY_SECONDS)
            except DatabaseUnavailable as error:
                if now() - began > _PATIENCE_SECONDS:
                    together += self._take_all()
                # Nothing was done for those who have not been told anything yet.
                for _, done in together:
                    _tell(done, DatabaseUnavailable(str(error)))

    @contextmanager
    def _in_hand(self, size: int) -> Iterator[None]:
        """Count a round of so many wishes while it takes place, and once it takes long, look whether another may begin."""
        held_up = 0

        def take_long() -> None:
            nonlocal held_up
            held_up = 1
            self._rounds_held_up += 1
            self._begin_if_time()

        timer = asyncio.get_running_loop().call_later(_LONG_SECONDS, take_long)
        self._wishes_in_hand += size
        try:
            yield
        finally:
            timer.cancel()
            self._wishes_in_hand -= size
            self._rounds_held_up -= held_up

    def _next_round(self) -> list[_Batch]:
        if self._wishes_waiting <= _MOST_AT_ONCE:
            return self._take_all()
        together = [self._waiting.popleft()]
        size = len(together[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= _MOST_AT_ONCE:
            together.append(self._waiting.popleft())
            size += len(together[-1][0])
        self._wishes_waiting -= size
        return together

    def _take_all(self) -> list[_Batch]:
        together = list(self._waiting)
        self._waiting.clear()
        self._wishes_waiting = 0
        return together

    async def _accept_together(self, together: Sequence[_Batch], try_until: float) -> None:
        """Tell everybody; raises DatabaseUnavailable when PostgreSQL is gone and there is no use in going on."""
        try:
            await accept_wishes(self._database, self._hints, [wish for wishes, _ in together for wish in wishes])
        except CommitUnknown as error:
            for wishes, done in together:
                _tell(done, None if all(wish.outcome is not None for wish in wishes) else error)
            raise
        except DatabaseUnavailable:
            raise
        except DatabaseBusy as error:
            await self._try_again(together, try_until, error)
        except Exception as error:  # noqa: BLE001 - told to whoever caused it, and to nobody else
            if len(together) == 1:
                _tell(together[0][1], error)
            else:
                await self._accept_in_parts(together, 1, try_until)
        else:
            _tell_in_groups([done for _, done in together])

    async def _try_again(self, together: Sequence[_Batch], try_until: float, error: DatabaseBusy) -> None:
        """Accepting may be repeated: the ids stay. In halves, so that whoever waits for a lock soon waits alone."""
        if asyncio.get_running_loop().time() > try_until:
            for _, done in together:
                _tell(done, error)
        elif len(together) > 1:
            await self._accept_in_parts(together, len(together) // 2, try_until)
        else:
            await asyncio.sleep(_BUSY_PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311
            await self._accept_together(together, try_until)

    async def _accept_in_parts(self, together: Sequence[_Batch], size: int, try_until: float) -> None:
        for start in range(0, len(together), size):
            part = together[start : start + size]
            for wishes, _ in part:
                for wish in wishes:
                    wish.repeatable = True  # whatever was committed after all is found again
            await self._accept_together(part, try_until)

    async def close(self) -> None:
        """End the rounds under way; requests are answered before this is called."""
        for lane in tuple(self._lanes):
            lane.cancel()
            with suppress(asyncio.CancelledError):
                await lane


def _tell(done: "asyncio.Future[None]", error: Exception | None) -> None:
    if done.done():  # told already, or the caller has gone away
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _tell_in_groups(waiting: Sequence["asyncio.Future[None]"]) -> None:
    for done in waiting[:_TOLD_AT_ONCE]:
        _tell(done, None)
    if rest := waiting[_TOLD_AT_ONCE:]:
        asyncio.get_running_loop().call_soon(_tell_in_groups, rest)
