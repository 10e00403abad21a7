"""Lets lookups that arrive together share one query: of what a single one costs, the rows are the least."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

from app.db.database import DatabaseUnavailable
from app.services.errors import Overloaded

_Key = TypeVar("_Key")
_Found = TypeVar("_Found")

_MOST_AT_ONCE: Final = 100
# Many rounds: whoever came after them would wait for longer than is worth waiting.
_MOST_WAITING: Final = 2_000
# A round that was lost after this time has cost those who wait enough: the next would cost them as much again.
_PATIENCE_SECONDS: Final = 0.5


class LookupDesk(Generic[_Key, _Found]):
    """One round at a time; whoever arrives during a round is part of the next, so that nobody is told what was read before he asked."""

    def __init__(self, look_up: Callable[[Sequence[_Key]], Awaitable[Mapping[_Key, _Found]]]) -> None:
        """`look_up` reads what was committed before it was called, for many different keys; what it does not find it leaves out."""
        self._look_up = look_up
        self._waiting: deque[tuple[_Key, asyncio.Future[_Found | None]]] = deque()
        self._round: asyncio.Task[None] | None = None

    async def find(self, key: _Key) -> _Found | None:
        """What there is by this key, maybe shared with others who asked; raises what `look_up` raises, and Overloaded."""
        if len(self._waiting) >= _MOST_WAITING:
            raise Overloaded
        told: asyncio.Future[_Found | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, told))
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._run(), name="lookups")
        return await told

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        while self._waiting:
            together = [self._waiting.popleft() for _ in range(min(_MOST_AT_ONCE, len(self._waiting)))]
            began = now()
            try:
                found = await self._look_up(list(dict.fromkeys(key for key, _ in together)))
            except Exception as error:  # noqa: BLE001 - told to whoever asked
                if isinstance(error, DatabaseUnavailable) and now() - began > _PATIENCE_SECONDS:
                    together += self._waiting
                    self._waiting.clear()
                for _, told in together:
                    if not told.done():  # else the reader has gone away
                        told.set_exception(error)
            else:
                for key, told in together:
                    if not told.done():
                        told.set_result(found.get(key))
            finally:
                for _, told in together:
                    told.cancel()  # whoever was not told, because the round was ended

    async def close(self) -> None:
        """End the round under way; requests are answered before this is called, and any that were not are cancelled."""
        while self._waiting:
            self._waiting.popleft()[1].cancel()
        if self._round is not None:
            self._round.cancel()
            with suppress(asyncio.CancelledError):
                await self._round
