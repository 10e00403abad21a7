"""kill -9 of what the updates stand on: the API and PostgreSQL, while they work."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from app.db.migrate import migrate
from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.server import Server
from tests.service import Service, running_service
from tests.shop import Answer, Shop
from tests.until import until


@pytest.fixture
def mortal_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A durable PostgreSQL that may be killed; whichever runs on its folder at the end is stopped."""
    server = start_postgres(tmp_path / "postgres")
    yield server
    server.stop()


@pytest.fixture
async def mortal_service(mortal_postgres: PostgresServer, valkey: Server, tmp_path: Path) -> AsyncIterator[Service]:
    """A service on it, with a worker."""
    await migrate(mortal_postgres.url)
    async with running_service(tmp_path, database_url=mortal_postgres.url, redis_url=valkey.url) as service:
        yield service


async def insist(shop: Shop, code: str, number: int) -> Answer:
    """Ask for a scan until it is answered with 202, each time with the same key; anything but 202 and 503 is a failure."""

    async def accepted() -> Answer | None:
        try:
            answer = await shop.update(code, "shipped", key=f"scan {number}", description=f"scan {number}")
        except aiohttp.ClientError:
            return None
        assert answer.status in (202, 503), answer.body
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.code in ("service_unavailable", "outcome_unknown")
            return None
        return answer

    return await until(f"scan {number} is accepted", accepted, timeout=90)


async def assert_all_applied_once(shop: Shop, code: str, answers: list[Answer]) -> None:
    for answer in answers:
        assert (await shop.decided(answer.json["id"], timeout=30))["state"] == "applied"
    steps = sorted(await shop.history(code), key=lambda step: int(step["seq"]))
    assert [step["seq"] for step in steps] == list(range(1, len(answers) + 2))
    assert sorted(step["description"] for step in steps[1:]) == sorted(
        f"scan {number}" for number in range(len(answers))
    )


async def test_a_killed_postgresql_comes_back_and_has_everything(
    mortal_service: Service, mortal_postgres: PostgresServer, tmp_path: Path
) -> None:
    async with Shop(mortal_service.url) as shop:
        await shop.register()
        code = (await shop.create_posting())["tracking_code"]
        asking = asyncio.gather(*(insist(shop, code, number) for number in range(60)))
        await asyncio.sleep(0)
        mortal_postgres.kill()
        assert (await shop.send("GET", "//health/ready")).status == 503
        with start_postgres(tmp_path / "postgres", port=mortal_postgres.port):
            await assert_all_applied_once(shop, code, await asking)
            mortal_service.stop()


async def test_a_killed_api_loses_no_update_and_doubles_none(mortal_service: Service) -> None:
    async with Shop(mortal_service.url) as shop:
        await shop.register()
        code = (await shop.create_posting())["tracking_code"]
        asking = asyncio.gather(*(insist(shop, code, number) for number in range(60)))
        for _ in range(3):
            await mortal_service.replace_api()
        await assert_all_applied_once(shop, code, await asking)
