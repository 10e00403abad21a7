"""taskiq on a Redis stream: a task a delivery."""

from contextlib import AsyncExitStack
from typing import Final

from send import REDIS_URL
from send_async import opened
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

broker: Final = RedisStreamBroker(REDIS_URL)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_sender(state: TaskiqState) -> None:
    """Connect."""
    state.stack = AsyncExitStack()
    state.sender = await state.stack.enter_async_context(opened())


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_sender(state: TaskiqState) -> None:
    """Disconnect."""
    await state.stack.aclose()


@broker.task(task_name="deliver")
async def deliver(delivery_id: str) -> None:
    """Deliver it."""
    await broker.state.sender.deliver(delivery_id)


async def fill(delivery_ids: list[str]) -> None:
    """A task for each."""
    await broker.startup()
    for delivery_id in delivery_ids:
        await deliver.kiq(delivery_id)
    await broker.shutdown()
