"""How many accepted status updates may wait to be decided: beyond it no more are accepted until the workers catch up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from app.core.background import running
from app.db.database import DatabaseBusy, DatabaseUnavailable, Executor
from app.db.queries import status_updates
from app.services.errors import BacklogFull

_LOOK_SECONDS: Final = 1.0


class Backlog:
    """What this process knows of the queue; what it accepts between two looks comes on top of the limit."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._is_full = False

    def require_room(self) -> None:
        """Raise BacklogFull when as many wait as may."""
        if self._is_full:
            raise BacklogFull

    async def look(self, executor: Executor) -> None:
        """Learn how many wait."""
        (row,) = await executor.fetch(status_updates.COUNT_QUEUED_UPDATES, self._limit)
        self._is_full = row["queued"] >= self._limit

    async def watch(self, executor: Executor) -> None:
        """Look again and again, until cancelled; while PostgreSQL is gone, what was seen last stands."""
        while True:
            with suppress(DatabaseUnavailable, DatabaseBusy):
                await self.look(executor)
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def watching_backlog(executor: Executor, *, limit: int) -> AsyncIterator[Backlog]:
    """Yield a backlog that is watched meanwhile."""
    backlog = Backlog(limit=limit)
    async with running(backlog.watch(executor), "backlog"):
        yield backlog
