"""Whether this process can do its work."""

import asyncio
from typing import Protocol

from app.db.database import DatabaseUnavailable, Executor
from app.db.migrate import read_migrations
from app.db.queries import schema
from app.models.health import Readiness
from app.services.errors import ShuttingDown


class Pinged(Protocol):
    """Something that can be asked whether it is there."""

    async def answers(self) -> bool:
        """Whether it answered in time."""
        ...


async def check_readiness(executor: Executor, redis: Pinged, closing: asyncio.Event) -> Readiness:
    """Ready when PostgreSQL answers and has every migration of this release; raises DatabaseUnavailable otherwise.

    Raises ShuttingDown as soon as `closing` is set.
    """
    if closing.is_set():
        raise ShuttingDown
    applied = {row["version"] for row in await executor.fetch(schema.SELECT_APPLIED_MIGRATIONS)}
    if missing := [migration.name for migration in read_migrations() if migration.version not in applied]:
        raise DatabaseUnavailable(f"migrations are missing: {', '.join(missing)}")
    return Readiness(redis="up" if await redis.answers() else "down")
