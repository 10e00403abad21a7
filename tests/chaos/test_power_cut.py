"""The power is cut: what was answered with 202 is there when it comes back."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from redis.asyncio import Redis

from app.db.migrate import migrate
from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from chaos.disasters.errors import DisasterError
from chaos.disasters.power_cut import POSTGRES_INITDB, POSTGRES_SETTINGS, PowerCut
from tests.chaos.traffic import assert_applied_once_and_in_order, chain, lost, several
from tests.service import running_service
from tests.shop import Shop

pytestmark = pytest.mark.usefixtures("_compiler")

_CHAINS = 8
_LENGTH = 6
_CHANCE = Random(2607)  # noqa: S311 - no secrets here


@pytest.fixture
async def power(tmp_path: Path) -> PowerCut:
    """The power of a migrated PostgreSQL, which is not running."""
    with start_postgres(tmp_path / "postgres", durable=False, initdb=POSTGRES_INITDB) as server:
        await migrate(server.url)
    return PowerCut(tmp_path / "postgres")


def switch_on(
    folder: Path, power: PowerCut, *, port: int | None = None, settings: Mapping[str, str] | None = None
) -> PostgresServer:
    return start_postgres(
        folder / "postgres",
        port=port,
        settings={**POSTGRES_SETTINGS, **(settings or {})},
        environment=power.environment(),
    )


@pytest.mark.parametrize("survivors", [None, _CHANCE], ids=["nothing-unsynced", "any-sectors"])
async def test_a_power_cut_of_postgresql_loses_nothing_that_was_accepted(
    power: PowerCut, tmp_path: Path, valkey: Server, survivors: Random | None
) -> None:
    server = switch_on(tmp_path, power)
    service = running_service(tmp_path, database_url=server.url, redis_url=valkey.url)
    async with service as running, Shop(running.url) as shop:
        await shop.register()
        codes = [(await shop.create_posting())["tracking_code"] for _ in range(_CHAINS)]
        accepted: list[str] = []
        asking = asyncio.gather(*(chain(shop, code, _LENGTH, accepted) for code in codes))
        for count in (_CHAINS, 3 * _CHAINS):
            await several(asking, accepted, count)
            before = [*accepted]
            power.cut(server, survivors=survivors)
            server = switch_on(tmp_path, power, port=server.port)
            assert await lost(server.url, before) == set()
        await asking
        for code in codes:
            await assert_applied_once_and_in_order(shop, code, _LENGTH)
        running.stop()
    server.stop()


@pytest.mark.parametrize("forgetful", [{"fsync": "off"}, {"synchronous_commit": "off", "wal_writer_delay": "10s"}])
async def test_a_postgresql_that_does_not_wait_for_its_disk_loses_what_was_accepted(
    power: PowerCut, tmp_path: Path, valkey: Server, forgetful: Mapping[str, str]
) -> None:
    server = switch_on(tmp_path, power, settings=forgetful)
    service = running_service(tmp_path, database_url=server.url, redis_url=valkey.url, workers=0)
    async with service as running, Shop(running.url) as shop:
        await shop.register()
        code = (await shop.create_posting())["tracking_code"]
        accepted: list[str] = []
        await chain(shop, code, _LENGTH, accepted)
        power.cut(server)
        running.stop()
    with switch_on(tmp_path, power) as again:
        assert accepted[-1] in await lost(again.url, accepted)


@pytest.mark.parametrize(("appendfsync", "kept"), [("always", 200), ("no", 0)])
async def test_a_power_cut_takes_from_valkey_what_it_had_not_synced(
    tmp_path: Path, appendfsync: str, kept: int
) -> None:
    with start_valkey(tmp_path):
        pass
    power = PowerCut(tmp_path)
    server = start_valkey(tmp_path, settings={"appendfsync": appendfsync}, environment=power.environment())
    async with Redis.from_url(server.url) as client:
        for number in range(200):
            await client.set(f"key {number}", number)
    power.cut(server)
    with start_valkey(tmp_path) as again:
        async with Redis.from_url(again.url) as client:
            assert await client.dbsize() == kept


async def test_a_power_cut_of_valkey_loses_no_update(database_url: str, tmp_path: Path) -> None:
    with start_valkey(tmp_path / "valkey"):
        pass
    power = PowerCut(tmp_path / "valkey")
    valkey = start_valkey(tmp_path / "valkey", environment=power.environment())
    service = running_service(tmp_path, database_url=database_url, redis_url=valkey.url)
    async with service as running, Shop(running.url) as shop:
        await shop.register()
        codes = [(await shop.create_posting())["tracking_code"] for _ in range(_CHAINS)]
        accepted: list[str] = []
        asking = asyncio.gather(*(chain(shop, code, _LENGTH, accepted) for code in codes))
        for count in (_CHAINS, 3 * _CHAINS):
            await several(asking, accepted, count)
            power.cut(valkey, survivors=_CHANCE)
            valkey = start_valkey(tmp_path / "valkey", port=valkey.port, environment=power.environment())
        await asking
        for code in codes:
            await assert_applied_once_and_in_order(shop, code, _LENGTH)
        running.stop()
    valkey.stop()


def test_a_server_that_never_ran_has_no_power_to_cut(tmp_path: Path) -> None:
    with pytest.raises(DisasterError, match="has no data yet: start the server once before"):
        PowerCut(tmp_path)
