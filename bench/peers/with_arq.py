"""arq: a job a posting; as many at once as help, and the shortest pause between looks at the queue."""

from typing import Any, ClassVar

import asyncpg
from arq import create_pool
from arq.connections import RedisSettings
from work import DATABASE_URL, DECIDE, REDIS_URL


async def decide(context: dict[str, Any], posting_id: int) -> None:
    """Decide what waits for one posting."""
    await context["pool"].execute(DECIDE, [posting_id])


async def open_pool(context: dict[str, Any]) -> None:
    """Connect."""
    context["pool"] = await asyncpg.create_pool(DATABASE_URL, min_size=10, max_size=10)


async def close_pool(context: dict[str, Any]) -> None:
    """Disconnect."""
    await context["pool"].close()


class WorkerSettings:
    """What `arq` looks for."""

    redis_settings = RedisSettings.from_dsn(REDIS_URL)
    functions: ClassVar = [decide]
    on_startup = open_pool
    on_shutdown = close_pool
    max_jobs = 50
    poll_delay = 0.01
    keep_result = 0


async def fill(posting_ids: list[int]) -> None:
    """A job for each."""
    redis = await create_pool(WorkerSettings.redis_settings)
    for posting_id in posting_ids:
        await redis.enqueue_job("decide", posting_id)
    await redis.aclose()
