"""One delivery, for the peers that are coroutines: a pool, a session, and both for the time of a worker."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import aiohttp
import asyncpg
from send import DATABASE_URL, MARK_DELIVERED, SELECT_OWED, body, headers

_CONNECTIONS: Final = 20


@dataclass(frozen=True)
class Sender:
    """What a task needs."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    session: aiohttp.ClientSession

    async def deliver(self, delivery_id: str) -> None:
        """Read, post, mark."""
        owed = await self.pool.fetchrow(SELECT_OWED, delivery_id)
        assert owed is not None
        posted, now, began = body(dict(owed)), datetime.now(UTC), time.monotonic()
        sent = headers(delivery_id, now, posted)
        async with self.session.post(owed["url"], data=posted, headers=sent, allow_redirects=False) as answer:
            await answer.read()
        took = round(1000 * (time.monotonic() - began))
        await self.pool.execute(MARK_DELIVERED, delivery_id, now, took, answer.status)


@asynccontextmanager
async def opened() -> AsyncIterator[Sender]:
    """Connect, and disconnect."""
    async with (
        asyncpg.create_pool(DATABASE_URL, min_size=_CONNECTIONS, max_size=_CONNECTIONS) as pool,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        yield Sender(pool, session)
