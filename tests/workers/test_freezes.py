"""What is frozen, silent or full around a worker: nothing waits for it, nothing is lost, and it comes back by itself."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.core.redis import open_redis
from app.embedded.server import Server
from tests.proxy import Proxy, proxy_to
from tests.service import Process, Service, running_service
from tests.shop import Shop
from tests.until import until

SOON = 4.0
"""Within 2 s is what is promised; the machine of a test may be busy."""


@contextmanager
def frozen(process: Process | Server) -> Iterator[None]:
    """The process does nothing meanwhile, and dies of nothing."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


@asynccontextmanager
async def ended_afterwards(state: AbstractContextManager[None]) -> AsyncIterator[Callable[[], None]]:
    """Yield what brings the state about, at a moment of the test's choice."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(state)


async def updates(shop: Shop, count: int) -> list[str]:
    """Accepted updates for as many postings; each 202 came soon."""
    codes = [(await shop.create_posting())["tracking_code"] for _ in range(count)]
    ids = []
    for code in codes:
        asked = time.monotonic()
        answer = await shop.update(code, "shipped")
        took = time.monotonic() - asked
        assert answer.status == 202, answer.body
        assert took < 1, took
        ids.append(answer.json["id"])
    return ids


async def applied_soon(shop: Shop, ids: list[str]) -> None:
    for update_id in ids:
        assert (await shop.decided(update_id, timeout=SOON))["state"] == "applied"


async def test_a_worker_frozen_in_a_transaction_lets_go_of_its_locks_and_comes_back(
    own_service: Service, customer: Shop, connection: Any
) -> None:
    """The zombie: it holds the posting's lock, and would have committed."""
    zombie = own_service.start_worker()
    await applied_soon(customer, await updates(customer, 1))
    code = (await customer.create_posting())["tracking_code"]

    async def waits() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    async with ended_afterwards(frozen(zombie)) as stop_it:
        async with connection.transaction():
            # Its steps cannot be written for the moment, and by now it has locked the posting.
            await connection.execute("LOCK TABLE status_history IN SHARE MODE")
            asked = await customer.update(code, "shipped")
            await until("the worker waits with the posting in its hands", waits)
            stop_it()
        other = own_service.start_worker()

        async def at_work() -> bool:
            return "worker started" in other.log

        await until("another worker is at work", at_work)
        assert (await customer.decided(asked.json["id"], timeout=5 * SOON))["state"] == "applied"
    for _ in range(3):
        await applied_soon(customer, await updates(customer, 2))
    assert zombie.alive
    assert [step["status"] for step in await customer.history(code)] == ["pending", "shipped"]


class TestRedisSilent:
    @pytest.fixture
    async def network(self, own_valkey: Server) -> AsyncIterator[Proxy]:
        """What lies between the service and Valkey."""
        async with proxy_to(own_valkey.url) as proxy:
            yield proxy

    @pytest.fixture
    async def service_behind(self, network: Proxy, database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
        async with running_service(tmp_path, database_url=database_url, redis_url=network.url) as running:
            yield running

    @pytest.fixture
    async def shop_behind(self, service_behind: Service) -> AsyncIterator[Shop]:
        async with Shop(service_behind.url) as shop:
            await shop.register()
            yield shop

    async def test_nothing_waits_for_it_and_it_is_used_again_when_it_is_back(
        self, service_behind: Service, shop_behind: Shop, network: Proxy
    ) -> None:
        await applied_soon(shop_behind, await updates(shop_behind, 2))
        network.fall_silent()
        silent_since = time.monotonic()
        for _ in range(3):
            await applied_soon(shop_behind, await updates(shop_behind, 3))

        async def told() -> bool:
            await updates(shop_behind, 1)
            return "hints are not sent" in service_behind.log

        await until("it is told that hints are not sent", told)
        lines = [line for line in service_behind.log.splitlines() if '"warning"' in line or '"error"' in line]
        assert len(lines) <= 8 + time.monotonic() - silent_since, lines
        network.heal()

        async def used_again() -> bool:
            await updates(shop_behind, 1)
            return "hints are sent again" in service_behind.log

        await until("hints are sent again", used_again, timeout=15)
        await applied_soon(shop_behind, await updates(shop_behind, 2))

    async def test_a_worker_stops_in_time_when_neither_server_answers(
        self, database_url: str, network: Proxy, tmp_path: Path, service_behind: Service, shop_behind: Shop
    ) -> None:
        async with proxy_to(database_url) as way_to_postgresql:
            environment = {**service_behind.environment, "DATABASE_URL": way_to_postgresql.url}
            worker = Process("app.worker", environment, tmp_path / "silent.log")

            async def connected() -> bool:
                return way_to_postgresql.connections > 0

            await until("the worker has begun", connected)
            await applied_soon(shop_behind, await updates(shop_behind, 2))
            way_to_postgresql.fall_silent()
            network.fall_silent()
            began = time.monotonic()
            assert await asyncio.to_thread(worker.stop) == 0
            took = time.monotonic() - began
            assert took < 11, took


async def test_a_frozen_redis_right_after_a_full_read_does_not_delay_the_sweep(
    own_valkey: Server, database_url: str, tmp_path: Path
) -> None:
    """With batches of one hint each read is a full one."""
    async with (
        running_service(
            tmp_path, database_url=database_url, redis_url=own_valkey.url, settings={"WORKER_BATCH_SIZE": "1"}
        ) as service,
        Shop(service.url) as shop,
    ):
        await shop.register()
        await applied_soon(shop, await updates(shop, 1))
        with frozen(own_valkey):
            await applied_soon(shop, await updates(shop, 1))
        await applied_soon(shop, await updates(shop, 1))


async def test_a_full_redis_changes_nothing_but_the_way(
    own_service: Service, customer: Shop, own_valkey: Server
) -> None:
    own_service.start_worker()
    await applied_soon(customer, await updates(customer, 1))
    async with open_redis(own_valkey.url, timeout_seconds=5) as redis:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", 1)
        await applied_soon(customer, await updates(customer, 3))
        await redis.config_set("maxmemory", 0)
    await applied_soon(customer, await updates(customer, 1))
