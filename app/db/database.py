"""The pool, and the one door to PostgreSQL: an Executor reads, a Transaction writes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, LiteralString, TypeAlias

import asyncpg
from typing_extensions import override

from app.db.pool import ArgumentRefused, Connection, ConnectionPool

Row: TypeAlias = asyncpg.Record
"""One row, read by column name."""


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be reached, or did not answer in time."""


class CommitUnknown(DatabaseUnavailable):
    """The connection was lost while a transaction was being committed: nobody can tell yet whether it was."""


class TransactionExpired(DatabaseUnavailable):
    """PostgreSQL heard nothing for too long and ended the transaction; what it did is undone."""


class DatabaseBusy(Exception):
    """A deadlock, a serialization failure or a lock that was not to be had: the same transaction may succeed when repeated."""


class DataRefused(Exception):
    """PostgreSQL refused a value as such: out of range, or not a value of its type."""


_EXPIRATIONS: Final = (asyncpg.IdleInTransactionSessionTimeoutError, asyncpg.TransactionTimeoutError)
_UNAVAILABLE: Final = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    *_EXPIRATIONS,
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
_REFUSED: Final = (asyncpg.DataError, ArgumentRefused)

# How long PostgreSQL keeps a transaction of which it hears nothing: the row locks of a frozen process, or of one that the network
# has swallowed, are free again after that, and its late COMMIT fails.
_IDLE_SECONDS: Final = 2.0
# A process that freezes between the messages of one statement is not idle for PostgreSQL, nor does a statement run: such a transaction ends
# after as long as so many statements may take.
_MOST_STATEMENTS: Final = 3
_LOCK_SECONDS: Final = 1.0
# What asyncpg says when it has heard already that the connection ends, and therefore sends nothing.
_NOT_SENT: Final = "cannot switch to state"
_EXPIRED: Final = "PostgreSQL has ended the transaction: it was not heard of for too long"


@contextmanager
def _translated() -> Iterator[None]:
    """What asyncpg raises becomes one of the classes above; a broken constraint is a bug and stays what it is."""
    try:
        yield
    except _REFUSED as error:
        raise DataRefused(str(error)) from error
    except _BUSY as error:
        raise DatabaseBusy(str(error)) from error
    except _UNAVAILABLE as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> DatabaseUnavailable:
    expired = isinstance(error.__cause__ or error, _EXPIRATIONS)
    kind = TransactionExpired if expired else DatabaseUnavailable
    return kind(str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__))


def _require_alive(connection: Connection) -> None:
    """Raise when PostgreSQL has ended the transaction meanwhile: then nothing more is sent."""
    if connection.is_closed:
        expired = connection.silent_seconds >= _IDLE_SECONDS
        raise TransactionExpired(_EXPIRED) if expired else DatabaseUnavailable("the connection was lost")


@contextmanager
def _committing(connection: Connection) -> Iterator[None]:
    """CommitUnknown when what commits may have been sent and was not answered, and only then."""
    _require_alive(connection)
    try:
        yield
    except _UNAVAILABLE as error:
        if connection.is_sound:  # PostgreSQL answered: not committed
            raise
        if isinstance(_unavailable(error), TransactionExpired):  # it was ended before that came
            raise
        if isinstance(error, asyncpg.InternalClientError) and str(error).startswith(_NOT_SENT):
            raise
        raise CommitUnknown(str(error) or "no answer in time") from error


async def _commit(connection: Connection) -> None:
    with _translated():
        with _committing(connection):
            tag = await connection.execute("COMMIT")
        if tag != "COMMIT":
            raise DatabaseBusy("the transaction had failed before, and was rolled back")


class Executor:
    """Reads: each statement sees what was committed before it began."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        with _translated():
            connection = await self._pool.take()
            try:
                yield connection
            finally:
                await self._pool.give_back(connection)

    async def fetch(self, sql: LiteralString, *arguments: object) -> list[Row]:
        """All rows."""
        async with self._connected() as connection:
            return await connection.fetch(sql, *arguments)

    async def fetch_one(self, sql: LiteralString, *arguments: object) -> Row | None:
        """The first row, or None."""
        async with self._connected() as connection:
            return await connection.fetch_one(sql, *arguments)


class Transaction(Executor):
    """Reads and writes, all or nothing: only Database.transaction makes one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @override
    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        with _translated():
            _require_alive(self._connection)
            yield self._connection

    async def execute(self, sql: LiteralString, *arguments: object) -> None:
        """Run a statement whose rows nobody needs."""
        async with self._connected() as connection:
            await connection.execute(sql, *arguments)


class Database:
    """The pool of connections."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self.reader: Final = Executor(pool)

    @asynccontextmanager
    async def transaction(self, *, lock_seconds: float = _LOCK_SECONDS) -> AsyncIterator[Transaction]:
        """One READ COMMITTED transaction: committed when the block ends, rolled back when it raises.

        Raises DatabaseBusy when a lock is not to be had within `lock_seconds`, and CommitUnknown when the connection was lost during
        the commit; with any other DatabaseUnavailable nothing was done.
        """
        with _translated():
            connection = await self._pool.take()
        try:
            with _translated():
                await connection.execute(self._begin(lock_seconds))
            try:
                yield Transaction(connection)
            except BaseException:
                # The reason is told, not that the rollback failed too: PostgreSQL rolls back by itself when the connection is cut off.
                if connection.is_sound:
                    with suppress(*_UNAVAILABLE, asyncpg.PostgresError):
                        await connection.execute("ROLLBACK")
                raise
            await _commit(connection)
        finally:
            await self._pool.give_back(connection)

    async def write(self, sql: LiteralString, *arguments: object, lock_seconds: float = _LOCK_SECONDS) -> list[Row]:
        """One statement that is a transaction by itself, in one round trip; raises what transaction() does.

        It bounds itself: its last two arguments are the lock_timeout and the transaction_timeout that it has to set, local to its
        transaction, before it writes anything. Nothing waits for its process: no lock is held while that is frozen.
        """
        bounds = [f"{round(seconds * 1000)}" for seconds in (lock_seconds, self._longest_transaction_seconds)]
        with _translated():
            connection = await self._pool.take()
            try:
                with _committing(connection):
                    return await connection.fetch(sql, *arguments, *bounds)
            finally:
                await self._pool.give_back(connection)

    @property
    def _longest_transaction_seconds(self) -> float:
        return self._pool.longest_statement_seconds * _MOST_STATEMENTS

    def _begin(self, lock_seconds: float) -> str:
        """One round trip, and nothing that outlives the transaction: a pooler may stand between."""
        settings = {
            "idle_in_transaction_session_timeout": _IDLE_SECONDS,
            "lock_timeout": lock_seconds,
            "statement_timeout": self._pool.longest_statement_seconds,
            "transaction_timeout": self._longest_transaction_seconds,
        }
        return "BEGIN" + "".join(f"; SET LOCAL {name} = {round(value * 1000)}" for name, value in settings.items())
