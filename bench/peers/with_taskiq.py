"""taskiq on a Redis stream: a task a posting."""

from typing import Final

import asyncpg
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker
from work import DATABASE_URL, DECIDE, REDIS_URL

broker: Final = RedisStreamBroker(REDIS_URL)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_pool(state: TaskiqState) -> None:
    """Connect."""
    state.pool = await asyncpg.create_pool(DATABASE_URL, min_size=10, max_size=10)


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_pool(state: TaskiqState) -> None:
    """Disconnect."""
    await state.pool.close()


@broker.task(task_name="decide")
async def decide(posting_id: int) -> None:
    """Decide what waits for one posting."""
    await broker.state.pool.execute(DECIDE, [posting_id])


async def fill(posting_ids: list[int]) -> None:
    """A task for each."""
    await broker.startup()
    for posting_id in posting_ids:
        await decide.kiq(posting_id)
    await broker.shutdown()
