"""The life cycle of the connections to PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from app.db.database import Database


async def _keep_session(_connection: object) -> None:
    """Nothing to reset: no statement here changes session state, and asyncpg rolls an open transaction back by itself."""


@asynccontextmanager
async def open_database(
    url: str, *, pool_size: int, acquire_seconds: float, statement_seconds: float
) -> AsyncIterator[Database]:
    """Yield the database; connections are made on demand, at most `pool_size`, and closed at the end.

    `acquire_seconds` bounds the wait for a connection, `statement_seconds` the wait for any answer of PostgreSQL. Opening does not
    need PostgreSQL to be there: the first statement does.
    """
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=pool_size,
        timeout=acquire_seconds,
        command_timeout=statement_seconds,
        reset=_keep_session,
    )
    async with pool:
        yield Database(pool, acquire_seconds=acquire_seconds)
