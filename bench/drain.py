"""How fast one worker empties a full queue: `make bench-worker`.

Fills a durable PostgreSQL and a Valkey of its own with postings, one queued update each, and their hints; starts one worker process;
prints updates per second, from the start of the first decision to the end of the last.
"""

import asyncio
import os
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import typer

from app.core.ids import new_id
from app.core.redis import HintStream, open_redis
from app.db.connection import open_database
from app.db.migrate import migrate
from app.db.queries import clients, status_updates
from app.embedded.postgres import start_postgres
from app.embedded.valkey import start_valkey
from app.models.clients import Caller
from app.models.postings import NewPosting
from app.services import posting_service
from app.services.freight import FreightRates
from app.services.posting_service import PostingRules

_AT_ONCE: Final = 1_000
_PATIENCE_SECONDS: Final = 120
_RULES: Final = PostingRules(
    tracking_code_prefixes=("ZP",), freight_rates=FreightRates(per_kg=Decimal(2), per_cm3=Decimal(0))
)


async def fill(database_url: str, stream: HintStream, updates: int) -> None:
    """Create the postings, and queue one `shipped` for each with its hint."""
    sample = NewPosting.model_validate({**NewPosting.example, "reference": None, "posted_at": "2026-01-01T00:00:00Z"})
    async with open_database(database_url, pool_size=1, acquire_seconds=5, statement_seconds=60) as database:
        async with database.transaction() as transaction:
            row = await transaction.fetch_one(
                clients.INSERT_CLIENT, "client", "Bench", "bench@bench.com.br", None, "none"
            )
        assert row is not None
        caller = Caller(id=row["id"], role="client")
        for _ in range(0, updates, _AT_ONCE):
            async with database.transaction() as transaction:
                await posting_service.create_postings(transaction, _RULES, caller, [sample] * _AT_ONCE)
        rows = await database.reader.fetch("SELECT id FROM postings ORDER BY id")
        for start in range(0, updates, _AT_ONCE):
            ids = [row["id"] for row in rows[start : start + _AT_ONCE]]
            nothing: list[None] = [None] * len(ids)
            async with database.transaction() as transaction:
                await transaction.execute(
                    status_updates.INSERT_STATUS_UPDATES,
                    [new_id() for _ in ids],
                    ids,
                    [caller.id for _ in ids],
                    [caller.id for _ in ids],
                    ["shipped"] * len(ids),
                    *(nothing, nothing, nothing, nothing),
                )
            await stream.add(ids)


async def drain(database_url: str, environment: dict[str, str]) -> tuple[int, float]:
    """Run one worker until nothing is queued; how many updates it decided, and in how many seconds."""
    connection = await asyncpg.connect(database_url)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "app.worker", env={**os.environ, **environment})
    try:
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while await connection.fetchval("SELECT EXISTS (SELECT FROM status_updates WHERE state = 'queued')"):
            if time.monotonic() > give_up:
                sys.exit(f"the queue was not empty after {_PATIENCE_SECONDS} s")
            await asyncio.sleep(0.2)
        row = await connection.fetchrow(
            "SELECT count(*) AS decided, extract(epoch FROM max(decided_at) - min(decided_at)) AS seconds FROM status_updates"
        )
        assert row is not None
        return row["decided"], float(row["seconds"])
    finally:
        worker.terminate()
        await worker.wait()
        await connection.close()


async def measure(folder: Path, updates: int) -> None:
    """Fill, drain, and print."""
    with start_postgres(folder / "postgres") as postgres, start_valkey(folder / "valkey") as valkey:
        await migrate(postgres.url)
        async with open_redis(valkey.url, timeout_seconds=10) as redis:
            stream = HintStream(redis, 0)
            await stream.create_group()
            await fill(postgres.url, stream, updates)
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url, "JWT_SECRET": os.urandom(32).hex()}
        decided, seconds = await drain(postgres.url, {**environment, "LOG_LEVEL": "WARNING"})
    print(f"one worker decided {decided} updates in {seconds:.2f} s: {decided / seconds:,.0f} updates/s")


def main(updates: Annotated[int, typer.Option(min=_AT_ONCE, help="How many, in thousands.")] = 50_000) -> None:
    """Measure how fast one worker empties a full queue."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), updates - updates % _AT_ONCE))


if __name__ == "__main__":
    typer.run(main)
