"""SAQ: a job a delivery."""

from contextlib import AsyncExitStack
from typing import Any, Final

from saq import Queue
from send import REDIS_URL
from send_async import opened

queue: Final = Queue.from_url(REDIS_URL)


async def deliver(context: dict[str, Any], *, delivery_id: str) -> None:
    """Deliver it."""
    await context["sender"].deliver(delivery_id)


async def open_sender(context: dict[str, Any]) -> None:
    """Connect."""
    context["stack"] = AsyncExitStack()
    context["sender"] = await context["stack"].enter_async_context(opened())


async def close_sender(context: dict[str, Any]) -> None:
    """Disconnect."""
    await context["stack"].aclose()


settings: Final = {
    "queue": queue,
    "functions": [deliver],
    "concurrency": 50,
    "startup": open_sender,
    "shutdown": close_sender,
}


async def fill(delivery_ids: list[str]) -> None:
    """A job for each; nobody asks for its result."""
    await queue.connect()
    for delivery_id in delivery_ids:
        await queue.enqueue("deliver", delivery_id=delivery_id, ttl=1)
    await queue.disconnect()
