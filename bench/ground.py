"""What everything is measured on: a durable PostgreSQL and a Valkey of the run's own, and a fresh copy of a filled database each time."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
from redis.asyncio import Redis

from app.db.migrate import migrate
from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from bench.fill import fill

# No checkpoint of its own falls into a measurement: one is made before each.
_SETTINGS: Final = {"max_wal_size": "8GB", "checkpoint_timeout": "1h"}
_LOOK_AGAIN_SECONDS: Final = 0.1
QUEUED_UPDATE: Final = "SELECT FROM status_updates WHERE state = 'queued'"
SECRET: Final = "Xb7-a-secret-of-the-bench-0123456789"  # noqa: S105 - of servers that live for minutes on loopback


@dataclass(slots=True)
class Place:
    """A database and a Valkey for one measurement, and the environment that leads a process there."""

    database_url: str
    redis_url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    """Over and above those that every measurement has."""

    @property
    def environment(self) -> dict[str, str]:
        """The product's settings."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "JWT_SECRET": SECRET,
            "WEBHOOK_SECRET_KEYS": SECRET,
            "LOG_LEVEL": "WARNING",
            # One client, and all that it can: each request is counted, and none is refused for it.
            "RATE_LIMIT_PER_CLIENT": "1000000000",
            "RATE_LIMIT_PER_ADDRESS": "1000000000",
            **self.settings,
        }


@dataclass(slots=True)
class Ground:
    """Both servers of a run. `folder` is for logs and whatever a measurement wants to write."""

    postgres: PostgresServer
    valkey: Server
    folder: Path
    _templates: set[str] = field(default_factory=set)
    _copies: int = 0

    @asynccontextmanager
    async def filled(self, *, postings: int, updates: int) -> AsyncIterator[Place]:
        """Yield a copy of a database with that many postings and queued updates, and an empty Valkey."""
        template = f"filled_{postings}_{updates}"
        if template not in self._templates:
            await self._make(template, postings=postings, updates=updates)
        self._copies += 1
        name = f"round_{self._copies}"
        await self._as_superuser(f"CREATE DATABASE {name} TEMPLATE {template} OWNER postagens")
        async with Redis.from_url(self.valkey.url) as redis:
            await redis.flushall()
        try:
            yield Place(database_at(self.postgres.url, name), self.valkey.url)
        finally:
            await self._as_superuser(f"DROP DATABASE {name} WITH (FORCE)")

    async def _make(self, template: str, *, postings: int, updates: int) -> None:
        await self._as_superuser(f"CREATE DATABASE {template} OWNER postagens")
        url = database_at(self.postgres.url, template)
        await migrate(url)
        await fill(url, postings=postings, updates=updates)
        self._templates.add(template)

    async def _as_superuser(self, sql: str) -> None:
        connection = await asyncpg.connect(self.postgres.superuser_url, command_timeout=300)
        try:
            await connection.execute("CHECKPOINT")
            await connection.execute(sql)
        finally:
            await connection.close()

    @contextmanager
    def pinned(self, cores: set[int]) -> Iterator[None]:
        """Keep both servers to these cores meanwhile."""
        before = os.sched_getaffinity(0)
        self._pin(cores)
        try:
            yield
        finally:
            self._pin(before)

    def _pin(self, cores: set[int]) -> None:
        children = Path(f"/proc/{self.postgres.pid}/task/{self.postgres.pid}/children").read_text(encoding="ascii")
        for pid in (self.postgres.pid, *map(int, children.split()), *_threads(self.valkey.pid)):
            os.sched_setaffinity(pid, cores)


@contextmanager
def ground(folder: Path, *, durable: bool = True) -> Iterator[Ground]:
    """Start both servers; not `durable` is for tests of the bench itself."""
    with (
        start_postgres(folder / "postgres", durable=durable, settings=_SETTINGS) as postgres,
        start_valkey(folder / "valkey", durable=durable) as valkey,
    ):
        yield Ground(postgres, valkey, folder)


def database_at(url: str, database: str) -> str:
    """The address of another database on the same server."""
    return f"{url.rpartition('/')[0]}/{database}"


def _threads(pid: int) -> list[int]:
    return [int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()]


async def until_nothing_waits(url: str, *, seconds: float, waiting: str = QUEUED_UPDATE) -> bool:
    """Whether all queued updates were decided within so many seconds, or all that this query finds was done.

    The look costs next to nothing: a partial index that empties.
    """
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(seconds):
            while await connection.fetchval(f"SELECT EXISTS ({waiting})"):
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except TimeoutError:
        return False
    finally:
        await connection.close()
    return True
