"""The clocks of API, worker and PostgreSQL jump by an hour and back: nothing is lost, doubled or out of order."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from app.db.migrate import migrate
from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from chaos.disasters.clock import Clock
from tests.chaos.traffic import assert_applied_once_and_in_order, chain, insist, several
from tests.service import Service, running_service
from tests.shop import Shop

pytestmark = pytest.mark.usefixtures("_compiler")

_HOUR = 3600
_CHAINS = 4
_LENGTH = 26


@dataclass(frozen=True)
class Clockwork:
    """A service whose processes have a clock each; the test starts the worker."""

    service: Service
    valkey: Server
    postgres: PostgresServer
    api_clock: Clock
    worker_clock: Clock
    postgres_clock: Clock

    def start_worker(self) -> None:
        self.service.environment.update(self.worker_clock.environment)
        self.service.start_worker()


@pytest.fixture
async def clockwork(tmp_path: Path) -> AsyncIterator[Clockwork]:
    api, worker, postgres = [Clock(tmp_path / f"{name}-clock") for name in ("api", "worker", "postgres")]
    with (
        start_postgres(tmp_path / "postgres", durable=False, environment=postgres.environment) as server,
        start_valkey(tmp_path / "valkey", durable=False) as valkey,
    ):
        await migrate(server.url)
        service = running_service(
            tmp_path, database_url=server.url, redis_url=valkey.url, workers=0, settings=api.environment
        )
        async with service as running:
            yield Clockwork(running, valkey, server, api, worker, postgres)


@pytest.fixture
async def customer(clockwork: Clockwork) -> AsyncIterator[Shop]:
    async with Shop(clockwork.service.url) as shop:
        await shop.register()
        yield shop


async def test_postgresql_believes_its_clock_and_keeps_its_timers(clockwork: Clockwork) -> None:
    connection = await asyncpg.connect(clockwork.postgres.url)
    before = await connection.fetchval("SELECT clock_timestamp()")
    clockwork.postgres_clock.step(-_HOUR)
    after = await connection.fetchval("SELECT clock_timestamp()")
    await connection.execute("SET statement_timeout = 100")
    with pytest.raises(asyncpg.QueryCanceledError):
        await connection.execute("SELECT pg_sleep(600)")
    await connection.close()
    assert -_HOUR < (after - before).total_seconds() < -_HOUR + 60


async def test_clocks_that_jump_leave_every_posting_in_its_order(clockwork: Clockwork, customer: Shop) -> None:
    clockwork.start_worker()
    codes = [(await customer.create_posting())["tracking_code"] for _ in range(_CHAINS)]
    accepted: list[str] = []
    asking = asyncio.gather(*(chain(customer, code, _LENGTH, accepted) for code in codes))
    enough = itertools.count(_CHAINS, 2 * _CHAINS)
    for clock in (clockwork.api_clock, clockwork.worker_clock, clockwork.postgres_clock):
        for seconds in (_HOUR, -_HOUR, -_HOUR, _HOUR):
            await several(asking, accepted, next(enough))
            clock.step(seconds)
    await asking
    for code in codes:
        await assert_applied_once_and_in_order(customer, code, _LENGTH)


async def test_a_posting_from_ahead_of_time_goes_on_in_order(clockwork: Clockwork, customer: Shop) -> None:
    clockwork.postgres_clock.step(_HOUR)
    code = (await customer.create_posting())["tracking_code"]
    await insist(customer, code, "scan 0")
    clockwork.postgres_clock.step(-_HOUR)
    await insist(customer, code, "scan 1")
    clockwork.start_worker()
    await assert_applied_once_and_in_order(customer, code, 2)


async def test_what_was_accepted_before_the_clock_stepped_back_needs_no_hint(
    clockwork: Clockwork, customer: Shop
) -> None:
    clockwork.postgres_clock.step(_HOUR)
    code = (await customer.create_posting())["tracking_code"]
    clockwork.valkey.kill()
    update = await insist(customer, code, "scan 0")
    clockwork.postgres_clock.step(-_HOUR)
    clockwork.start_worker()
    assert (await customer.decided(update.json["id"]))["state"] == "applied"


@pytest.mark.parametrize("seconds", [50, -50])
async def test_a_token_stands_a_clock_that_is_almost_a_minute_off(
    clockwork: Clockwork, customer: Shop, seconds: int
) -> None:
    clockwork.api_clock.step(seconds)
    assert (await customer.send("GET", "/clients/me")).status == 200
    await customer.sign_in()
    clockwork.api_clock.step(-seconds)
    assert (await customer.send("GET", "/clients/me")).status == 200


async def test_a_token_of_another_hour_is_refused_and_replaced(clockwork: Clockwork, customer: Shop) -> None:
    for seconds in (_HOUR, -_HOUR):
        clockwork.api_clock.step(seconds)
        assert (await customer.send("GET", "/clients/me")).status == 401
        await customer.sign_in()
        assert (await customer.send("GET", "/clients/me")).status == 200
