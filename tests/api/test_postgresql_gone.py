"""The API while PostgreSQL is silent or frozen: 503 soon, true answers, and it comes back by itself."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.db.migrate import migrate
from app.embedded.postgres import start_postgres
from app.embedded.server import Server
from tests.embedded.processes import descendants
from tests.proxy import Proxy, proxy_to
from tests.service import Service, running_service
from tests.shop import POSTING, Answer, Shop
from tests.until import until

SOON = 4.0
"""Within 2 s is what is promised; the machine of a test may be busy."""


@pytest.fixture
async def network(database_url: str) -> AsyncIterator[Proxy]:
    """What lies between the API and PostgreSQL."""
    async with proxy_to(database_url) as proxy:
        yield proxy


@pytest.fixture
async def service_behind(network: Proxy, valkey: Server, tmp_path: Path) -> AsyncIterator[Service]:
    """An API without a worker, behind that network."""
    async with running_service(tmp_path, database_url=network.url, redis_url=valkey.url, workers=0) as running:
        yield running


@pytest.fixture
async def customer(service_behind: Service) -> AsyncIterator[Shop]:
    async with Shop(service_behind.url) as shop:
        await shop.register()
        yield shop


async def answered_soon(*requests: asyncio.Task[Answer]) -> list[Answer]:
    began = time.monotonic()
    answers = await asyncio.gather(*requests)
    took = time.monotonic() - began
    assert took < SOON, took
    return answers


def ask_everything(shop: Shop, code: str) -> list[asyncio.Task[Answer]]:
    """A request of each kind that needs PostgreSQL, and many updates at once."""
    kinds = [
        shop.send("GET", f"/postings/{code}"),
        shop.send("GET", "/postings"),
        shop.send("POST", "/postings", dict(POSTING), key="one"),
        shop.send("GET", f"/tracking/{code}"),
        shop.send("GET", "//health/ready"),
        *(shop.update(code, "shipped", key=f"scan {number}", description=f"scan {number}") for number in range(30)),
    ]
    return [asyncio.ensure_future(each) for each in kinds]


def assert_told_unavailable(answers: list[Answer]) -> None:
    for answer in answers:
        assert (answer.status, answer.code) == (503, "service_unavailable"), answer.body
        assert int(answer.headers["Retry-After"]) > 0


async def all_well_soon(shop: Shop, code: str) -> None:
    async def well() -> bool:
        return {answer.status for answer in await asyncio.gather(*ask_everything(shop, code))} == {200, 201, 202}

    await until("everything is answered again", well, timeout=8)


async def test_a_silent_postgresql_is_told_soon_to_everybody_and_recovers(
    customer: Shop, network: Proxy, service_behind: Service
) -> None:
    code = (await customer.create_posting())["tracking_code"]
    await asyncio.gather(*ask_everything(customer, code))
    network.fall_silent()
    for _ in range(2):
        assert_told_unavailable(await answered_soon(*ask_everything(customer, code)))
    network.heal()
    await all_well_soon(customer, code)
    assert service_behind.log.count("the database cannot be used") < 12


async def test_a_frozen_postgresql_is_told_soon_to_everybody_and_recovers(valkey: Server, tmp_path: Path) -> None:
    with start_postgres(tmp_path / "postgres", durable=False) as postgres:
        await migrate(postgres.url)
        async with (
            running_service(tmp_path, database_url=postgres.url, redis_url=valkey.url, workers=0) as service,
            Shop(service.url) as shop,
        ):
            await shop.register()
            code = (await shop.create_posting())["tracking_code"]
            await asyncio.gather(*ask_everything(shop, code))
            frozen = [postgres.pid, *descendants(postgres.pid)]
            try:
                for pid in frozen:
                    os.kill(pid, signal.SIGSTOP)
                assert_told_unavailable(await answered_soon(*ask_everything(shop, code)))
            finally:
                for pid in frozen:
                    os.kill(pid, signal.SIGCONT)
            await all_well_soon(shop, code)
            service.stop()


async def test_a_lost_answer_to_the_commit_is_told_as_unknown_and_the_repetition_is_the_same_update(
    customer: Shop, network: Proxy
) -> None:
    code = (await customer.create_posting())["tracking_code"]
    assert (await customer.update(code, "shipped")).status == 202  # the statement is prepared
    scan = {"key": "once", "description": "a scan of which nobody hears"}
    network.swallow_the_answer_to(scan["description"].encode())
    (lost,) = await answered_soon(asyncio.ensure_future(customer.update(code, "shipped", **scan)))
    assert (lost.status, lost.code) == (503, "outcome_unknown")
    (known,) = [each for each in await updates_of(customer) if each["description"] == scan["description"]]
    again = await customer.update(code, "shipped", **scan)
    assert (again.status, again.json["id"]) == (202, known["id"])
    assert len(await updates_of(customer)) == 2


async def updates_of(customer: Shop) -> list[dict[str, Any]]:
    updates: list[dict[str, Any]] = (await customer.send("GET", "/status-updates")).json["status_updates"]
    return updates
