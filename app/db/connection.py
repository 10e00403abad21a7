"""The life cycle of the connections to PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from app.db.database import Database
from app.db.pool import ConnectionPool

_CLOSE_SECONDS: Final = 0.5


async def _keep_session(_connection: object) -> None:
    """Nothing to reset: no statement here changes session state, and a connection in a transaction never goes back to the pool."""


@asynccontextmanager
async def open_database(
    url: str,
    *,
    pool_size: int,
    acquire_seconds: float,
    statement_seconds: float,
    patience_seconds: float | None = None,
) -> AsyncIterator[Database]:
    """Yield the database; connections are made on demand, at most `pool_size`, and closed at the end.

    `acquire_seconds` bounds the wait for a connection, `statement_seconds` the wait for any answer of PostgreSQL, and
    `patience_seconds` a whole operation: the wait for a connection with all that is done on it. Opening does not need PostgreSQL to
    be there: the first statement does.
    """
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=pool_size,
        # ConnectionPool has the bounds; these are for what asyncpg does behind it.
        timeout=acquire_seconds,
        command_timeout=statement_seconds,
        # There are few statements, and they stay: one that expires has to be closed, a wait that asyncpg does not bound.
        max_cached_statement_lifetime=0,
        reset=_keep_session,
    )
    await pool
    bounded = ConnectionPool(
        pool, acquire_seconds=acquire_seconds, statement_seconds=statement_seconds, patience_seconds=patience_seconds
    )
    try:
        yield Database(bounded)
    finally:
        await bounded.close(seconds=_CLOSE_SECONDS)
