"""asyncpg's pool with a bound on every wait, and no trust in any connection once one of them was lost."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Proxy: TypeAlias = PoolConnectionProxy[asyncpg.Record]

T = TypeVar("T")

ArgumentRefused: TypeAlias = asyncpg.exceptions._base.DataError  # noqa: SLF001 - it is exported nowhere else
"""asyncpg's own DataError, for arguments that it cannot encode."""
# PostgreSQL answered, or asyncpg asked nothing.
_ANSWERED: Final = (asyncpg.PostgresError, ArgumentRefused)


class Connection:
    """A connection while it is taken from the pool: each statement, and all of them together, end in time or with TimeoutError."""

    def __init__(self, proxy: "Proxy", *, generation: int, give_up_at: float | None, statement_seconds: float) -> None:
        self.proxy: Final = proxy
        self.generation: Final = generation
        self.is_sound = True
        """Whether it may go on: false once a statement was left without its answer."""
        self._give_up_at = give_up_at
        self._statement_seconds = statement_seconds
        self._heard_at = asyncio.get_running_loop().time()

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """All rows."""
        return list(await self._in_time(self.proxy.fetch(sql, *arguments)))

    async def fetch_one(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """The first row, or None."""
        return await self._in_time(self.proxy.fetchrow(sql, *arguments))

    async def execute(self, sql: str, *arguments: object) -> str:
        """The tag of the last command, such as COMMIT."""
        return await self._in_time(self.proxy.execute(sql, *arguments))

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        try:
            return self.proxy.is_closed()
        except asyncpg.InterfaceError:  # the pool has noticed before
            return True

    @property
    def silent_seconds(self) -> float:
        """How long ago PostgreSQL last answered."""
        return asyncio.get_running_loop().time() - self._heard_at

    async def _in_time(self, statement: Awaitable[T]) -> T:
        give_up_at = asyncio.get_running_loop().time() + self._statement_seconds
        if self._give_up_at is not None:
            give_up_at = min(give_up_at, self._give_up_at)
        self.is_sound = False
        try:
            # Not asyncpg's own timeouts: some of its waits have none.
            async with asyncio.timeout_at(give_up_at):
                result = await statement
        except _ANSWERED as error:
            # Read only: this was the primary, and is so no longer.
            self.is_sound = not self.is_closed and not isinstance(error, asyncpg.ReadOnlySQLTransactionError)
            raise
        except RuntimeError as error:  # uvloop's word for a connection that is closed in the very moment of writing
            raise ConnectionResetError(str(error)) from error
        self.is_sound = True
        self._heard_at = asyncio.get_running_loop().time()
        return result


class ConnectionPool:
    """Lends connections; one that comes back unsound is cut off at once, and so are those that nobody uses at that moment.

    What happened to one has most likely happened to all: the next requests open new ones instead of failing one by one.
    """

    def __init__(
        self, pool: "Pool", *, acquire_seconds: float, statement_seconds: float, patience_seconds: float | None
    ) -> None:
        """`patience_seconds` bounds all that is done with one connection, the wait for it included."""
        self._pool = pool
        self._acquire_seconds = acquire_seconds
        self._statement_seconds = statement_seconds
        self._patience_seconds = patience_seconds
        self._generation = 0

    @property
    def longest_statement_seconds(self) -> float:
        """How long a statement can take before nobody waits for it any more."""
        return min(self._statement_seconds, self._patience_seconds or self._statement_seconds)

    async def take(self) -> Connection:
        """A connection; raises TimeoutError when there is none to be had in time."""
        now = asyncio.get_running_loop().time()
        give_up_at = None if self._patience_seconds is None else now + self._patience_seconds
        generation = self._generation
        async with asyncio.timeout(min(self._acquire_seconds, self._patience_seconds or self._acquire_seconds)):
            proxy = await self._pool.acquire()
        return Connection(
            proxy, generation=generation, give_up_at=give_up_at, statement_seconds=self._statement_seconds
        )

    async def give_back(self, connection: Connection) -> None:
        """The end of its use; never waits for PostgreSQL and never fails."""
        proxy = connection.proxy
        lost = not connection.is_sound or connection.is_closed
        with suppress(asyncpg.InterfaceError):  # the pool has taken it back already
            if lost or connection.generation != self._generation or proxy.is_in_transaction():
                proxy.terminate()
            else:
                await self._pool.release(proxy)
        if lost:
            self._cut_off_idle()

    def _cut_off_idle(self) -> None:
        """Not asyncpg's expire_connections: it says goodbye to each, and behind a silent network nobody answers that."""
        self._generation += 1
        for holder in self._pool._holders:  # type: ignore[attr-defined]  # noqa: SLF001 - no other way leads to the idle ones
            if holder.is_idle():
                holder.terminate()

    async def close(self, *, seconds: float) -> None:
        """Close all connections: politely for so long, and then without asking."""
        try:
            async with asyncio.timeout(seconds):
                await self._pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()
