"""Workers of webhooks that are killed, stopped and frozen: what they had under way is told all the same."""

import asyncio
import signal
from collections.abc import Mapping
from typing import Any, Final

import pytest
from aiohttp import web

from tests.service import Service
from tests.shop import Shop
from tests.until import until
from tests.workers.hooks import QUICKLY, Gate, hooked

_WAITS_FOR_A_LOCK: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def settings() -> Mapping[str, str]:
    """Workers of webhooks that try again soon, and take over soon."""
    return QUICKLY


async def test_killed_between_sending_and_writing_it_is_told_again_under_the_same_id(
    customer: Shop, own_service: Service
) -> None:
    worker = own_service.start_webhook_worker()

    async def kill_first(_: web.BaseRequest) -> web.StreamResponse:
        if worker.alive:
            worker.kill()
        return web.Response(status=204)

    async with hooked(customer, kill_first) as hook:
        await customer.create_posting()
        await hook.was_told(1)
        own_service.start_webhook_worker()
        first, second = await hook.was_told(2)
        assert (first.id, first.data, first.timestamp) == (second.id, second.data, second.timestamp)
        delivery = await hook.becomes("delivered", first.id)
        assert delivery["attempts"] == 2
        assert [attempt["number"] for attempt in delivery["ended_attempts"]] == [2]


async def test_killed_between_the_answer_and_the_mark_it_is_told_twice_and_can_be_done_once(
    customer: Shop, own_service: Service, connection: Any
) -> None:
    worker, gate = own_service.start_webhook_worker(), Gate()

    async def waits() -> bool:
        return bool(await connection.fetchval(_WAITS_FOR_A_LOCK))

    async with hooked(customer, gate.handle) as hook:
        await customer.create_posting()
        await gate.is_reached()
        async with connection.transaction():
            await connection.execute("SELECT FROM webhook_deliveries FOR UPDATE")
            gate.opened.set()
            await until("the worker has its answer, and waits to write it", waits)
            worker.kill()
        own_service.start_webhook_worker()
        await hook.was_told(2)
        (delivery,) = await hook.all_become("delivered", 1)
    done = {event.id: event.step for event in hook.told}
    assert (len(hook.told), done, delivery["attempts"]) == (2, {delivery["id"]: 1}, 2)


async def test_stopped_it_waits_for_the_answers_and_writes_them(customer: Shop, own_service: Service) -> None:
    worker, gate = own_service.start_webhook_worker(), Gate()
    async with hooked(customer, gate.handle) as hook:
        await customer.create_posting()
        await gate.is_reached()
        worker.send(signal.SIGTERM)
        gate.opened.set()
        assert await asyncio.to_thread(worker.wait) == 0  # the receiver lives in this thread
        assert "1 deliveries" in worker.log
        await hook.all_become("delivered", 1)


async def test_stopped_it_does_not_wait_for_ever(customer: Shop, own_service: Service) -> None:
    worker, gate = own_service.start_webhook_worker(), Gate()
    async with hooked(customer, gate.handle) as hook:
        await customer.create_posting()
        await gate.is_reached()
        began = asyncio.get_running_loop().time()
        assert await asyncio.to_thread(worker.stop) == 0
        assert asyncio.get_running_loop().time() - began < 11
        gate.opened.set()
        own_service.start_webhook_worker()
        await hook.all_become("delivered", 1)


async def test_a_frozen_worker_holds_up_nothing_for_longer_than_its_lease(customer: Shop, own_service: Service) -> None:
    frozen, gate = own_service.start_webhook_worker(), Gate()
    async with hooked(customer, gate.handle) as hook:
        await customer.create_posting()
        await gate.is_reached()
        frozen.send(signal.SIGSTOP)
        try:
            gate.opened.set()
            own_service.start_webhook_worker()
            (delivery,) = await hook.all_become("delivered", 1)
        finally:
            frozen.send(signal.SIGCONT)

        async def both_ended() -> bool:
            return len((await hook.delivery(delivery["id"]))["ended_attempts"]) == 2

        await until("the frozen worker has written its attempt too", both_ended)
        assert (await hook.delivery(delivery["id"]))["state"] == "delivered"
