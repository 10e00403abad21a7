"""PostgreSQL's disk is full: 503 and never 500, reading goes on, and all is well when there is space again."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from app.db.migrate import migrate
from app.embedded.errors import EmbeddedError
from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.server import Server
from chaos.disasters.disk import KEEPS_ALL_WAL, Disk, can_mount, initdb_with_wal_in, small_disk
from tests.chaos.traffic import assert_applied_once_and_in_order, chain, insist, several
from tests.service import running_service
from tests.shop import Shop
from tests.until import until

pytestmark = pytest.mark.skipif(not can_mount(), reason="only root mounts a small disk")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", size_mb=64) as mounted:
        yield mounted


async def updates_until_unavailable(shop: Shop, disk: Disk, code: str, accepted: list[str]) -> None:
    """Fill the disk and go on asking; only 202 and 503 are answers, and in the end it is 503 (or nobody answers)."""
    scans = itertools.count(len(accepted))

    async def unavailable() -> bool:
        disk.fill()
        scan = f"scan {next(scans)}"
        answer = await shop.update(code, "shipped", key=f"{code} {scan}", description=scan)
        assert answer.status in (202, 503), answer.body
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) > 0
            return True
        accepted.append(answer.json["id"])
        return False

    await until("there is no space for another update", unavailable, timeout=30)


async def test_a_full_disk_of_data_stops_the_writing_and_not_the_reading(
    disk: Disk, tmp_path: Path, valkey: Server
) -> None:
    with start_postgres(disk.path / "postgres", initdb=initdb_with_wal_in(tmp_path / "elsewhere")) as server:
        await migrate(server.url)
        service = running_service(tmp_path, database_url=server.url, redis_url=valkey.url)
        async with service as running, Shop(running.url) as shop:
            await shop.register()
            code = (await shop.create_posting())["tracking_code"]
            accepted: list[str] = []
            await chain(shop, code, 5, accepted)
            await updates_until_unavailable(shop, disk, code, accepted)
            for path in (f"/postings/{code}", f"/tracking/{code}", f"/status-updates/{accepted[0]}", "//health/live"):
                assert (await shop.send("GET", path)).status == 200
            disk.free()
            await insist(shop, code, f"scan {len(accepted)}")
            await assert_applied_once_and_in_order(shop, code, len(accepted) + 1)
            assert server.exit_code() is None
            running.stop()


@pytest.fixture
async def on_a_small_wal(disk: Disk, tmp_path: Path) -> AsyncIterator[PostgresServer]:
    """A PostgreSQL with its WAL on the small disk; it keeps all of it, as one does whose archive is out of reach."""
    server = start_postgres(
        tmp_path / "postgres",
        initdb=initdb_with_wal_in(disk.path),
        settings=KEEPS_ALL_WAL,
    )
    await migrate(server.url)
    yield server
    server.stop()


async def use_up_wal(server: PostgresServer, disk: Disk) -> None:
    """Fill the disk and what WAL has in reserve, until the server is gone."""

    async def gone() -> bool:
        disk.fill()
        try:
            connection = await asyncpg.connect(server.superuser_url, timeout=2)
            try:
                await connection.execute("SELECT pg_logical_emit_message(false, 'chaos', repeat('x', 500000))")
            finally:
                await connection.close(timeout=2)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return server.exit_code() is not None
        return False

    await until("PostgreSQL is gone for want of WAL", gone, timeout=30)


async def test_a_full_disk_of_wal_takes_postgresql_down_and_loses_nothing(
    disk: Disk, on_a_small_wal: PostgresServer, tmp_path: Path, valkey: Server
) -> None:
    service = running_service(tmp_path, database_url=on_a_small_wal.url, redis_url=valkey.url)
    async with service as running, Shop(running.url) as shop:
        await shop.register()
        code = (await shop.create_posting())["tracking_code"]
        accepted: list[str] = []
        asking = asyncio.create_task(chain(shop, code, 30, accepted))
        await several(asking, accepted, 5)
        await use_up_wal(on_a_small_wal, disk)
        assert (await shop.send("GET", f"/postings/{code}")).status == 503
        on_a_small_wal.kill()
        with pytest.raises(EmbeddedError, match=r"PostgreSQL could not start: .*No space left on device"):
            start_postgres(tmp_path / "postgres")
        disk.free()
        with start_postgres(tmp_path / "postgres", port=on_a_small_wal.port):
            await asking
            await assert_applied_once_and_in_order(shop, code, 30)
            running.stop()
