"""SAQ: a job a posting, as many at once as help."""

from typing import Any, Final

import asyncpg
from saq import Queue
from work import DATABASE_URL, DECIDE, REDIS_URL

queue: Final = Queue.from_url(REDIS_URL)


async def decide(context: dict[str, Any], *, posting_id: int) -> None:
    """Decide what waits for one posting."""
    await context["pool"].execute(DECIDE, [posting_id])


async def open_pool(context: dict[str, Any]) -> None:
    """Connect."""
    context["pool"] = await asyncpg.create_pool(DATABASE_URL, min_size=10, max_size=10)


async def close_pool(context: dict[str, Any]) -> None:
    """Disconnect."""
    await context["pool"].close()


settings: Final = {
    "queue": queue,
    "functions": [decide],
    "concurrency": 20,
    "startup": open_pool,
    "shutdown": close_pool,
}


async def fill(posting_ids: list[int]) -> None:
    """A job for each; nobody asks for its result."""
    await queue.connect()
    for posting_id in posting_ids:
        await queue.enqueue("decide", posting_id=posting_id, ttl=1)
    await queue.disconnect()
