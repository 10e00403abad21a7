"""The pool, and the one door to PostgreSQL: an Executor reads, a Transaction writes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Final, LiteralString, TypeAlias

import asyncpg
from typing_extensions import override

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]

Row: TypeAlias = asyncpg.Record
"""One row, read by column name."""


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be reached, or did not answer in time."""


class CommitUnknown(DatabaseUnavailable):
    """The connection was lost while a transaction was being committed: nobody can tell yet whether it was."""


class DatabaseBusy(Exception):
    """A deadlock, a serialization failure or a lock that was not to be had: the same transaction may succeed when repeated."""


class DataRefused(Exception):
    """PostgreSQL refused a value as such: out of range, or not a value of its type."""


_UNAVAILABLE: Final = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,  # not migrated yet
    asyncpg.UndefinedColumnError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)
_BUSY: Final = (
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,  # a migration came between: the next attempt prepares it anew
)
# asyncpg has a DataError of its own, for arguments that it cannot encode.
_REFUSED: Final = (asyncpg.DataError, asyncpg.exceptions._base.DataError)  # noqa: SLF001 - it is exported nowhere else


@contextmanager
def _translated(*, unavailable: type[DatabaseUnavailable] = DatabaseUnavailable) -> Iterator[None]:
    """What asyncpg raises becomes one of the classes above; a broken constraint is a bug and stays what it is."""
    try:
        yield
    except _REFUSED as error:
        raise DataRefused(str(error)) from error
    except _BUSY as error:
        raise DatabaseBusy(str(error)) from error
    except _UNAVAILABLE as error:
        raise unavailable(str(error) or type(error).__name__) from error


class Executor:
    """Reads: each statement sees what was committed before it began."""

    def __init__(self, pool: "Pool", *, acquire_seconds: float) -> None:
        self._pool = pool
        self._acquire_seconds = acquire_seconds

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator["Connection"]:
        with _translated():
            async with self._pool.acquire(timeout=self._acquire_seconds) as connection:
                yield connection

    async def fetch(self, sql: LiteralString, *arguments: object) -> list[Row]:
        """All rows."""
        async with self._connected() as connection:
            return list(await connection.fetch(sql, *arguments))

    async def fetch_one(self, sql: LiteralString, *arguments: object) -> Row | None:
        """The first row, or None."""
        async with self._connected() as connection:
            return await connection.fetchrow(sql, *arguments)


class Transaction(Executor):
    """Reads and writes, all or nothing: only Database.transaction makes one."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    @override
    @asynccontextmanager
    async def _connected(self) -> AsyncIterator["Connection"]:
        with _translated():
            yield self._connection

    async def execute(self, sql: LiteralString, *arguments: object) -> None:
        """Run a statement whose rows nobody needs."""
        async with self._connected() as connection:
            await connection.execute(sql, *arguments)


class Database:
    """The pool of connections."""

    def __init__(self, pool: "Pool", *, acquire_seconds: float) -> None:
        self._pool = pool
        self._acquire_seconds = acquire_seconds
        self.reader: Final = Executor(pool, acquire_seconds=acquire_seconds)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One READ COMMITTED transaction: committed when the block ends, rolled back when it raises.

        Raises CommitUnknown when the connection was lost during the commit.
        """
        with _translated():
            connection = await self._pool.acquire(timeout=self._acquire_seconds)
        try:
            transaction = connection.transaction()
            with _translated():
                await transaction.start()
            try:
                yield Transaction(connection)
            except BaseException:
                # The reason is told, not that the rollback of a broken connection failed too: PostgreSQL rolls back by itself then.
                with suppress(*_UNAVAILABLE):
                    await transaction.rollback()
                raise
            with _translated(unavailable=CommitUnknown):
                await transaction.commit()
        finally:
            with _translated():
                await self._pool.release(connection)
