"""The whole system on real input: 3 680 parcels, their numbers as data/README.md tells them."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from rich.console import Console

from app.db.queries import clients
from app.embedded.server import Server
from app.replay.accounts import credentials
from app.replay.options import ReplayOptions
from app.replay.orders import read_orders
from app.replay.player import replay
from tests.databases import copied_database
from tests.service import Service, running_service
from tests.until import until

ORDERS: Final = Path(__file__).parents[2] / "shared" / "data" / "orders.csv"
RUN: Final = "test"

pytestmark = pytest.mark.skipif(not ORDERS.is_file(), reason=f"the real orders are not here: {ORDERS}")


@asynccontextmanager
async def fresh_service(
    folder: Path, migrated_url: str, valkey: Server, *, workers: int
) -> AsyncIterator[tuple[Service, str]]:
    """A service whose database holds nothing else, and its URL."""
    async with (
        copied_database(migrated_url) as url,
        running_service(folder, database_url=url, redis_url=valkey.url, workers=workers) as service,
    ):
        yield service, url


async def register_sellers(database_url: str) -> None:
    """Put the clients of the run into the database as an earlier play of it would have, but with hashes that cost nothing.

    Registering and signing in 1 167 clients takes a minute of argon2; test_cli.py does it with twenty.
    """
    hasher = Argon2Hasher(memory_cost=8, time_cost=1, parallelism=1)
    accounts = [credentials(seller_id, RUN) for seller_id in {order.seller_id for order in read_orders(ORDERS)}]
    rows = [("client", "Vendedor", email, None, hasher.hash(password)) for email, password in accounts]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.executemany(clients.INSERT_CLIENT, rows)
    finally:
        await connection.close()


async def play(service: Service, *, shuffle: bool = False, duplicate: float = 0) -> dict[str, int]:
    """Play the orders, and the rows of the final table that are whole numbers."""
    output = io.StringIO()
    options = ReplayOptions(url=service.url, shuffle=shuffle, duplicate=duplicate, seed=1, run=RUN)
    code = await replay(read_orders(ORDERS), options, Console(file=output, width=100))
    assert code == 0, output.getvalue()
    return {name.strip(): int(count) for name, count in re.findall(r"│ ([a-z :_]+?) +│ +(\d+) │", output.getvalue())}


async def assert_what_must_come_out(table: dict[str, int], database_url: str) -> None:
    """In the table that people read, and in the database itself."""
    refused = sum(count for name, count in table.items() if name.startswith("refused"))
    assert (table["postings"], table["updates"], table["applied"], refused) == (3680, 5971, 5969, 2)
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM postings") == 3680
        assert await connection.fetchval("SELECT count(*) FROM status_history WHERE update_id IS NOT NULL") == 5969
        assert await connection.fetchval("SELECT count(*) FROM status_updates WHERE state = 'applied'") == 5969
        assert await connection.fetchval("SELECT count(*) FROM status_updates WHERE state = 'queued'") == 0
        assert await connection.fetchval("SELECT sum(step_count) FROM postings") == 3680 + 5969
    finally:
        await connection.close()


async def test_in_the_order_of_time(tmp_path: Path, migrated_url: str, valkey: Server) -> None:
    async with fresh_service(tmp_path, migrated_url, valkey, workers=1) as (service, url):
        await register_sellers(url)
        await assert_what_must_come_out(await play(service), url)


async def test_shuffled_and_doubled_with_four_workers_of_which_five_are_killed(
    tmp_path: Path, migrated_url: str, valkey: Server
) -> None:
    async with fresh_service(tmp_path, migrated_url, valkey, workers=4) as (service, url):
        await register_sellers(url)
        playing = asyncio.create_task(play(service, shuffle=True, duplicate=0.2))
        connection = await asyncpg.connect(url)
        try:
            for number in range(1, 6):

                async def far_enough(steps: int = number * 600) -> bool:
                    assert not playing.done(), "the replay ended before every worker was killed"
                    return bool(
                        await connection.fetchval("SELECT count(*) >= $1 FROM status_history WHERE seq > 1", steps)
                    )

                await until(f"{number * 600} updates are applied", far_enough, timeout=120)
                service.kill_a_worker()
                service.start_worker()
        finally:
            await connection.close()
        await assert_what_must_come_out(await playing, url)
