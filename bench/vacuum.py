"""What vacuuming gives and costs: `make bench-vacuum`.

On a durable PostgreSQL with postings that have lived, updates of random ones are accepted and decided, 500 at a time on one connection,
under each of three settings of autovacuum in a database of its own. Prints the medians of the last quarter, when there has been something
to vacuum, and how large tables and indexes have become.
"""

import asyncio
import random
import statistics
import tempfile
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import typer

from app.db.connection import open_database
from app.db.migrate import migrate
from app.embedded.postgres import PostgresServer, start_postgres
from bench.ground import database_at
from bench.growth_fill import SELECT_UNDER_WAY, fill_postings
from bench.scans import accept_scans, decide_scans, sweep

_BATCH: Final = 500
_FRESH: Final = 1_000
_FILLED: Final = "filled"
# As often as in a system that is ten times as large and as slow.
_SERVER: Final = {"max_wal_size": "4GB", "checkpoint_timeout": "30min", "autovacuum_naptime": "5s"}
# What each way sets on the two tables whose rows change.
WAYS: Final = {
    "never": "autovacuum_enabled = off",
    "PostgreSQL's own": "",
    "ten times as often": "autovacuum_vacuum_scale_factor = 0.02",
}
_SIZES: Final = """
SELECT pg_table_size('postings') / 1e6 AS postings, pg_table_size('status_updates') / 1e6 AS updates,
       pg_indexes_size('status_updates') / 1e6 AS indexes, pg_relation_size('status_updates_queued') / 1e6 AS queue,
       (SELECT sum(autovacuum_count) FROM pg_stat_user_tables) AS vacuums
"""
_HEADER: Final = (
    f"{'autovacuum':20}{'accept':>9}{'decide':>9}{'p99':>9}{'sweep':>9}"
    f"{'postings':>10}{'updates':>9}{'indexes':>9}{'queue':>8}{'vacuums':>9}"
)


async def measure(folder: Path, *, postings: int, updates: int) -> None:
    """Fill once, and let each way have a copy."""
    with start_postgres(folder / "postgres", settings=_SERVER) as postgres:
        await _fill(postgres, postings)
        print(f"{postings:,} postings, {updates:,} updates; ms of 500 and of a sweep, MB\n{_HEADER}", flush=True)
        for number, (way, setting) in enumerate(WAYS.items()):
            superuser = await asyncpg.connect(database_at(postgres.superuser_url, "postgres"))
            await superuser.execute(f"CREATE DATABASE way_{number} TEMPLATE {_FILLED} OWNER postagens")
            await superuser.execute("CHECKPOINT")
            await superuser.close()
            await _measure_way(database_at(postgres.url, f"way_{number}"), way, setting, postings, updates)


async def _fill(postgres: PostgresServer, postings: int) -> None:
    superuser = await asyncpg.connect(database_at(postgres.superuser_url, "postgres"))
    await superuser.execute(f"CREATE DATABASE {_FILLED} OWNER postagens")
    await superuser.close()
    await migrate(database_at(postgres.url, _FILLED))
    superuser = await asyncpg.connect(database_at(postgres.superuser_url, _FILLED))
    await fill_postings(database_at(postgres.superuser_url, _FILLED), superuser, until=postings, fresh=_FRESH)
    await superuser.close()


async def _measure_way(url: str, way: str, setting: str, postings: int, updates: int) -> None:
    dice = random.Random(1)  # noqa: S311 - a bench
    connection = await asyncpg.connect(url)
    if setting:
        await connection.execute(f"ALTER TABLE postings SET ({setting}); ALTER TABLE status_updates SET ({setting})")
    rows = await connection.fetch(SELECT_UNDER_WAY, range(postings - _FRESH))
    under_way = [row["id"] for row in rows]
    accepts, decisions, sweeps = [], [], []
    async with open_database(url, pool_size=1, acquire_seconds=5, statement_seconds=60) as database:
        for number in range(updates // _BATCH):
            ids = sorted(dice.sample(under_way, _BATCH))
            accepts.append(await accept_scans(database, ids, f"scan {number}"))
            decisions.append(await decide_scans(database, ids))
            if number % 20 == 0:
                sweeps.append(await sweep(database))
    accept, decide, swept = (statistics.median(times[-len(times) // 4 :]) for times in (accepts, decisions, sweeps))
    p99 = statistics.quantiles(decisions[-len(decisions) // 4 :], n=100)[98]
    sizes = await connection.fetchrow(_SIZES)
    assert sizes
    await connection.close()
    print(
        f"{way:20}"
        + "".join(f"{seconds * 1000:9.1f}" for seconds in (accept, decide, p99, swept))
        + f"{sizes['postings']:10.0f}{sizes['updates']:9.0f}{sizes['indexes']:9.0f}{sizes['queue']:8.1f}{sizes['vacuums']:9}",
        flush=True,
    )


def main(
    postings: Annotated[int, typer.Option(min=10_000, help="How many postings there are.")] = 300_000,
    updates: Annotated[int, typer.Option(min=10_000, help="How many updates are accepted and decided.")] = 300_000,
) -> None:
    """Measure what vacuuming gives and costs."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), postings=postings, updates=updates))


if __name__ == "__main__":
    typer.run(main)
