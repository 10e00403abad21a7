"""Whose credentials are not taken any more, although they are good: each process knows it, and no request asks for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID

from app.db.database import DatabaseBusy, DatabaseUnavailable, Executor
from app.db.queries import clients
from app.services.errors import ClientSuspended, NotAuthenticated

_LOOK_SECONDS: Final = 1.0


class BarredClients:
    """The suspended and the deleted clients, as they were known at the last look: both bite within two seconds."""

    def __init__(self) -> None:
        self._deleted: dict[UUID, bool] = {}

    def check(self, client_id: UUID) -> None:
        """Raise ClientSuspended when this client is, and NotAuthenticated when it has ended its account."""
        if client_id in self._deleted:
            raise NotAuthenticated if self._deleted[client_id] else ClientSuspended

    async def look(self, executor: Executor) -> None:
        """Learn who is suspended or deleted."""
        self._deleted = {row["id"]: row["deleted"] for row in await executor.fetch(clients.SELECT_BARRED_CLIENTS)}

    async def watch(self, executor: Executor) -> None:
        """Look again and again, until cancelled; while PostgreSQL is gone, what was seen last stands."""
        while True:
            with suppress(DatabaseUnavailable, DatabaseBusy):
                await self.look(executor)
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def watching_barred_clients(executor: Executor) -> AsyncIterator[BarredClients]:
    """Yield them, watched meanwhile."""
    barred = BarredClients()
    task = asyncio.create_task(barred.watch(executor), name="barred clients")
    try:
        yield barred
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
