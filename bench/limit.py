"""How much of what PostgreSQL can do the workers reach: `python -m bench.limit`.

The limit is the same work without a queue, a rule or a lock: each batch is copied into a temporary table, and one statement closes the
updates, moves the postings and writes the history. Limit, one worker and two workers take turns on one database; each turn decides one
more scan of the same postings, and before each the tables are vacuumed and analysed while nothing is queued.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import typer

from app.core.redis import HintStream, open_redis
from app.db.migrate import migrate
from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from bench.drain import fill

_LIMIT: Final = "limit"
_TABLES: Final = ("postings", "status_history", "status_updates")
_HINTS_AT_ONCE: Final = 5_000
_PATIENCE_SECONDS: Final = 120

_QUEUE: Final = """
INSERT INTO status_updates (id, posting_id, client_id, requested_by, status, city, uf)
SELECT uuidv7(), id, client_id, client_id, 'shipped', 'Campinas ' || $1::text, 'SP' FROM postings ORDER BY id
"""
_WAITING: Final = """
SELECT id, posting_id, accepted_at, city, uf FROM status_updates WHERE state = 'queued' ORDER BY posting_id, seq
"""
_MAKE_TABLE: Final = """
CREATE TEMPORARY TABLE wanted (
    update_id uuid, posting_id bigint, occurred_at timestamptz, city text, uf text
) ON COMMIT DELETE ROWS
"""
_DECIDE: Final = """
WITH closed AS (
    UPDATE status_updates SET state = 'applied', decided_at = statement_timestamp()
      FROM wanted WHERE status_updates.id = wanted.update_id
), moved AS (
    UPDATE postings
       SET status = 'shipped', status_at = wanted.occurred_at, shipped_at = coalesce(shipped_at, wanted.occurred_at),
           step_count = step_count + 1
      FROM wanted WHERE postings.id = wanted.posting_id
    RETURNING postings.id, client_id, step_count, wanted.update_id, wanted.occurred_at, wanted.city, wanted.uf
)
INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at, city, uf)
SELECT id, step_count, client_id, update_id, 'shipped', occurred_at, city, uf FROM moved
"""


class Bench:
    """The servers and their contents, between turns."""

    def __init__(self, postgres: PostgresServer, valkey: Server, stream: HintStream, connection: Any) -> None:
        self._postgres = postgres
        self._valkey = valkey
        self._stream = stream
        self._connection = connection
        self._turn = 0

    async def queue_again(self, *, hinted: bool) -> None:
        """One more scan for every posting."""
        self._turn += 1
        for table in _TABLES:
            await self._connection.execute(f"VACUUM (ANALYZE) {table}")
        await self._connection.execute("CHECKPOINT")
        await self._connection.execute(_QUEUE, str(self._turn))
        ids = [row["id"] for row in await self._connection.fetch("SELECT id FROM postings ORDER BY id")]
        for start in range(0, len(ids) if hinted else 0, _HINTS_AT_ONCE):
            await self._stream.add(ids[start : start + _HINTS_AT_ONCE])

    async def run_limit(self, batch: int) -> float:
        """Updates a second without a queue, rule or lock."""
        await self.queue_again(hinted=False)
        connection = await asyncpg.connect(self._postgres.url)
        try:
            waiting = [tuple(row) for row in await connection.fetch(_WAITING)]
            await connection.execute(_MAKE_TABLE)
            # Nothing is known of the temporary table: left alone, the planner reads whole tables for a batch.
            await connection.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
            began = time.monotonic()
            for start in range(0, len(waiting), batch):
                async with connection.transaction():
                    await connection.copy_records_to_table("wanted", records=waiting[start : start + batch])
                    await connection.execute(_DECIDE)
            return len(waiting) / (time.monotonic() - began)
        finally:
            await connection.close()

    async def run_workers(self, count: int) -> float:
        """Updates a second of so many worker processes, from the first decision to the last."""
        await self.queue_again(hinted=True)
        environment = {
            "DATABASE_URL": self._postgres.url,
            "REDIS_URL": self._valkey.url,
            "JWT_SECRET": os.urandom(32).hex(),
            "LOG_LEVEL": "WARNING",
        }
        workers = [
            await asyncio.create_subprocess_exec(sys.executable, "-m", "app.worker", env={**os.environ, **environment})
            for _ in range(count)
        ]
        try:
            return await self._drained()
        finally:
            memory = [_resident_mb(worker.pid) for worker in workers]
            for worker in workers:
                worker.terminate()
                await worker.wait()
            print(f"    memory of each worker: {', '.join(f'{each:.0f} MB' for each in memory)}")

    async def _drained(self) -> float:
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while await self._connection.fetchval("SELECT EXISTS (SELECT FROM status_updates WHERE state = 'queued')"):
            if time.monotonic() > give_up:
                sys.exit(f"the queue was not empty after {_PATIENCE_SECONDS} s")
            await asyncio.sleep(0.2)
        row = await self._connection.fetchrow(
            "SELECT count(*) AS decided, extract(epoch FROM max(decided_at) - min(decided_at)) AS seconds"
            " FROM status_updates WHERE city = 'Campinas ' || $1::text",
            str(self._turn),
        )
        return float(row["decided"]) / float(row["seconds"])


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def measure(folder: Path, updates: int, rounds: int, batch: int) -> None:
    """Fill, take turns, and print."""
    results: dict[str, list[float]] = {_LIMIT: [], "1 worker": [], "2 workers": []}
    with start_postgres(folder / "postgres") as postgres, start_valkey(folder / "valkey") as valkey:
        await migrate(postgres.url)
        async with open_redis(valkey.url, timeout_seconds=10) as redis:
            stream = HintStream(redis, 0)
            await stream.create_group()
            await fill(postgres.url, stream, updates)
            connection = await asyncpg.connect(postgres.superuser_url)
            bench = Bench(postgres, valkey, stream, connection)
            await connection.execute("UPDATE status_updates SET state = 'refused', refusal = 'x', decided_at = now()")
            await redis.delete(stream.key)
            await stream.create_group()
            for _ in range(rounds):
                results[_LIMIT].append(await bench.run_limit(batch))
                results["1 worker"].append(await bench.run_workers(1))
                results["2 workers"].append(await bench.run_workers(2))
            await connection.close()
    limit = statistics.median(results[_LIMIT])
    for name, rates in results.items():
        middle = statistics.median(rates)
        every = " ".join(f"{rate:,.0f}" for rate in rates)
        print(f"{name:10} {middle:8,.0f} updates/s   {middle / limit:4.2f} of the limit   ({every})")


def main(
    updates: Annotated[int, typer.Option(min=1_000, help="How many at each turn, in thousands.")] = 50_000,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="How often each has its turn.")] = 3,
    batch: Annotated[int, typer.Option(min=1, help="How many the limit decides in one transaction.")] = 2_000,
) -> None:
    """Measure the limit, one worker and two workers, alternating."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), updates - updates % 1_000, rounds, batch))


if __name__ == "__main__":
    typer.run(main)
