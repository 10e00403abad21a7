"""How long an accepted update waits for its decision under a steady load: `python -m bench.latency --rate 10000`.

Updates are accepted with the service's own statement, a portion every ten milliseconds, each with its hint; one worker decides them. The
time is that between accepted_at and decided_at, PostgreSQL's own clock at both ends.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import typer

from app.core.ids import new_id
from app.core.redis import HintStream, open_redis
from app.db.migrate import migrate
from app.db.queries.status_updates import INSERT_STATUS_UPDATES
from app.embedded.postgres import start_postgres
from app.embedded.valkey import start_valkey
from bench.drain import drain, fill

_POSTINGS: Final = 50_000
_PORTION_SECONDS: Final = 0.01
_WARM_UP_SECONDS: Final = 2.0

_PERCENTILES: Final = """
SELECT count(*) AS updates, percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM decided_at - accepted_at))
    AS milliseconds
  FROM status_updates
 WHERE accepted_at >= (SELECT min(accepted_at) FROM status_updates WHERE city = 'Campinas') + $1 * interval '1 second' AND city = 'Campinas'
"""


async def accept(
    connection: "asyncpg.Connection[asyncpg.Record]", stream: HintStream, *, rate: int, seconds: float
) -> float:
    """Accept updates at this rate; how many a second it came to."""
    rows = await connection.fetch("SELECT id, client_id FROM postings ORDER BY id")
    began, done = time.monotonic(), 0
    hints: set[asyncio.Task[None]] = set()
    while (passed := time.monotonic() - began) < seconds:
        due = round((passed + _PORTION_SECONDS) * rate) - done
        portion = [rows[(done + number) % len(rows)] for number in range(due)]
        ids, clients = [row["id"] for row in portion], [row["client_id"] for row in portion]
        nothing = [None] * due
        places = ["Campinas"] * due
        await connection.fetch(
            INSERT_STATUS_UPDATES,
            [new_id() for _ in portion],
            ids,
            clients,
            clients,
            ["shipped"] * due,
            nothing,
            places,
            ["SP"] * due,
            [str(number) for number in range(done, done + due)],
        )
        sending = asyncio.create_task(stream.add(ids))
        hints.add(sending)
        sending.add_done_callback(hints.discard)
        done += due
        await asyncio.sleep(max(0, began + done / rate - time.monotonic()))
    return done / (time.monotonic() - began)


async def measure(folder: Path, rate: int, seconds: float) -> None:
    """Fill, load, and print."""
    with start_postgres(folder / "postgres") as postgres, start_valkey(folder / "valkey") as valkey:
        await migrate(postgres.url)
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url, "JWT_SECRET": os.urandom(32).hex()}
        environment["LOG_LEVEL"] = "WARNING"
        async with open_redis(valkey.url, timeout_seconds=10) as redis:
            stream = HintStream(redis, 0)
            await stream.create_group()
            await fill(postgres.url, stream, _POSTINGS)
            await drain(postgres.url, environment)
            connection = await asyncpg.connect(postgres.url)
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.worker", env={**os.environ, **environment}
            )
            try:
                reached = await accept(connection, stream, rate=rate, seconds=seconds + _WARM_UP_SECONDS)
                await asyncio.sleep(1)
            finally:
                worker.terminate()
                await worker.wait()
            row = await connection.fetchrow(_PERCENTILES, _WARM_UP_SECONDS)
            await connection.close()
    assert row is not None
    p50, p99, most = row["milliseconds"]
    print(
        f"{reached:,.0f} updates/s accepted, {row['updates']:,} measured: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {most:.1f} ms"
    )


def main(
    rate: Annotated[int, typer.Option(min=100, help="Updates a second.")] = 10_000,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="How long.")] = 10,
) -> None:
    """Measure how long an accepted update waits for its decision."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), rate, seconds))


if __name__ == "__main__":
    typer.run(main)
