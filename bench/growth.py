"""What growth costs: `make bench-growth POSTINGS=1000000`.

Fills a durable PostgreSQL with 100 thousand postings, then 1 million, and so on up to POSTINGS, and measures the same things at each size
with the service's own statements: in turns with a database that stays at 100 thousand, since the machine is not the same half an hour
later. Only the ratios between the two count. What is looked up is in memory, in both: it has been looked up once before.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Annotated, Final, TypeAlias
from uuid import UUID

import asyncpg
import typer

from app.core.cursors import encode_cursor
from app.db.connection import open_database
from app.db.database import Database
from app.db.migrate import migrate
from app.db.queries import postings as sql
from app.embedded.postgres import PostgresServer, start_postgres
from app.models.clients import Caller
from app.models.postings import NewPosting, PostingQuery
from app.models.status_updates import StatusUpdateQuery
from app.services import posting_service, status_service
from app.services.freight import FreightRates
from app.services.posting_service import PostingRules
from app.workers.update_retention import UpdateRetention
from bench.ground import database_at
from bench.growth_fill import BETWEEN_POSTINGS, FIRST_POSTED_AT, SELECT_UNDER_WAY, fill_postings
from bench.scans import accept_scans, decide_scans, sweep

Figures: TypeAlias = dict[str, float]
Work: TypeAlias = Callable[[], Awaitable[float | None]]

_SMALLEST: Final = 100_000
_FRESH: Final = 25_000
_LOOKUPS: Final = 3_000
_PAGES: Final = 300
_BATCH: Final = 500
_BATCHES: Final = 30
_TURNS: Final = 5
_UNTOUCHED: Final = "untouched"
_REFERENCE: Final = "reference"
_SERVER: Final = {"max_wal_size": "4GB", "maintenance_work_mem": "1GB", "checkpoint_timeout": "30min"}
_OPERATOR: Final = Caller(id=UUID(int=0), role="operator")
_RULES: Final = PostingRules(
    tracking_code_prefixes=("ZP",), freight_rates=FreightRates(per_kg=Decimal(2), per_cm3=Decimal(0))
)
_SELECT_IDS: Final = "SELECT id FROM postings WHERE tracking_code = ANY ($1::text[]) ORDER BY id"
# Name of the measurement, and how many times the cost at the smallest size it may have at the largest.
TARGETS: Final = {
    "lookup": 1.2,
    "first page": 1.2,
    "deep page": 1.3,
    "operator's page by time": 1.3,
    "operator's page of updates": 1.3,
    "updates of one posting": 1.2,
    "creates, 1 000 at once": 1.2,
    "updates of recent postings": 1.2,
    "updates of random postings": None,
    "sweep, nothing waiting": None,
    "retention, 128 pages of old updates": None,
}


class Growth:
    """The measurements, each in milliseconds for one (a lookup, a page, 500 updates, 1 000 creates, a sweep, a step of the retention)."""

    def __init__(
        self, database: Database, size: int, client: Caller, *, codes: Sequence[str], under_way: list[int]
    ) -> None:
        self._database = database
        self._client = client
        self._codes = cycle(codes)
        self._under_way = under_way
        self._recent: list[int] = []
        self._retention = UpdateRetention(database, retention=timedelta(days=1))
        dice = random.Random(size)  # noqa: S311 - a bench
        self._anywhere = cycle([dice.randrange(size) for _ in range(_PAGES)])

    async def lookup(self) -> None:
        await self._database.reader.fetch(sql.SELECT_PUBLIC_STEPS, [next(self._codes)])

    async def first_page(self) -> None:
        await posting_service.list_postings(self._database.reader, self._client, PostingQuery())

    async def deep_page(self) -> None:
        """One that begins anywhere."""
        cursor = encode_cursor("-created_at", next(self._anywhere), "2026-01-01T00:00:00+00:00")
        await posting_service.list_postings(self._database.reader, self._client, PostingQuery(cursor=cursor))

    async def operators_page(self) -> None:
        """One of all clients' postings by the time at which they were posted, that begins anywhere."""
        number = next(self._anywhere)
        cursor = encode_cursor("-posted_at", number, (FIRST_POSTED_AT + number * BETWEEN_POSTINGS).isoformat())
        query = PostingQuery(sort="-posted_at", cursor=cursor)
        await posting_service.list_postings(self._database.reader, _OPERATOR, query)

    async def operators_page_of_updates(self) -> None:
        """One of all clients' updates, that begins anywhere; there are more updates than postings."""
        query = StatusUpdateQuery(cursor=encode_cursor("status_updates", next(self._anywhere)))
        await status_service.list_status_updates(self._database.reader, _OPERATOR, query)

    async def updates_of_posting(self) -> None:
        query = StatusUpdateQuery(tracking_code=next(self._codes))
        await status_service.list_status_updates(self._database.reader, _OPERATOR, query)

    async def recent_batch(self) -> float:
        """Of what was created a moment ago."""
        ids, self._recent = self._recent[:_BATCH], self._recent[_BATCH:]
        return await self._batch(ids)

    async def random_batch(self) -> float:
        ids, self._under_way = self._under_way[:_BATCH], self._under_way[_BATCH:]
        return await self._batch(sorted(ids))

    async def _batch(self, ids: list[int]) -> float:
        """Only the deciding is measured."""
        await accept_scans(self._database, ids)
        return await decide_scans(self._database, ids)

    async def create(self) -> float:
        sample = NewPosting.model_validate(
            {**NewPosting.example, "reference": None, "posted_at": "2026-01-01T00:00:00Z"}
        )
        began = time.perf_counter()
        async with self._database.transaction() as transaction:
            created = await posting_service.create_postings(transaction, _RULES, self._client, [sample] * 1_000)
        took = time.perf_counter() - began
        codes = [posting.tracking_code for posting in created.postings]
        self._recent += [row["id"] for row in await self._database.reader.fetch(_SELECT_IDS, codes)]
        return took

    async def sweep(self) -> float:
        return await sweep(self._database)

    async def delete_old(self) -> None:
        """What was filled in happened long ago: all of it goes."""
        await self._retention.delete_old()


async def _seconds(work: Work, count: int) -> list[float]:
    """Of each time; the work may return the seconds that count."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        inner = await work()
        times.append(time.perf_counter() - began if inner is None else inner)
    return times


async def _in_turns(works: Sequence[Work], count: int, *, unmeasured: int = 3) -> list[float]:
    """The median of `count` times of each, in milliseconds, after some that do not count."""
    for work in works:
        await _seconds(work, unmeasured)
    times: list[list[float]] = [[] for _ in works]
    for _ in range(_TURNS):
        for work, its_times in zip(works, times, strict=True):
            its_times.extend(await _seconds(work, count // _TURNS))
    return [statistics.median(its_times) * 1000 for its_times in times]


@asynccontextmanager
async def _growth(url: str, superuser_url: str, size: int) -> AsyncIterator[Growth]:
    dice = random.Random(size)  # noqa: S311 - a bench
    superuser = await asyncpg.connect(superuser_url)
    rows = await superuser.fetch(
        "SELECT tracking_code FROM postings WHERE id = ANY ($1::bigint[])", dice.sample(range(size), _LOOKUPS)
    )
    client = Caller(id=await superuser.fetchval("SELECT md5('client 0')::uuid"), role="client")
    anywhere = dice.sample(range(size - _FRESH), min(size - _FRESH, 8 * _BATCH * _BATCHES))
    under_way = [row["id"] for row in await superuser.fetch(SELECT_UNDER_WAY, anywhere)]
    await superuser.close()
    async with open_database(url, pool_size=1, acquire_seconds=5, statement_seconds=60) as database:
        yield Growth(database, size, client, codes=[row["tracking_code"] for row in rows], under_way=under_way)


async def _measure(those: Sequence[Growth]) -> list[Figures]:
    """The figures of each."""
    # In the same turns, since a page anywhere is held against the first page of the small database.
    pages = await _in_turns(
        [page for each in those for page in (each.first_page, each.deep_page)], _PAGES, unmeasured=_PAGES
    )
    measured = {
        "lookup": await _in_turns([each.lookup for each in those], _LOOKUPS, unmeasured=_LOOKUPS),
        "first page": pages[0::2],
        "deep page": pages[1::2],
        "operator's page by time": await _in_turns([each.operators_page for each in those], _PAGES, unmeasured=_PAGES),
        "operator's page of updates": await _in_turns(
            [each.operators_page_of_updates for each in those], _PAGES, unmeasured=_PAGES
        ),
        "updates of one posting": await _in_turns(
            [each.updates_of_posting for each in those], _LOOKUPS, unmeasured=_LOOKUPS
        ),
        "creates, 1 000 at once": await _in_turns([each.create for each in those], _BATCHES),
        "updates of recent postings": await _in_turns([each.recent_batch for each in those], _BATCHES),
        "updates of random postings": await _in_turns([each.random_batch for each in those], _BATCHES),
        "sweep, nothing waiting": await _in_turns([each.sweep for each in those], _BATCHES),
        "retention, 128 pages of old updates": await _in_turns([each.delete_old for each in those], _BATCHES),
    }
    return [{name: figures[number] for name, figures in measured.items()} for number in range(len(those))]


def _print_size(size: int, small: Figures, large: Figures | None) -> None:
    print(f"{'milliseconds':36}{_SMALLEST:>14,}" + (f"{size:>14,}         times" if large else ""))
    for name, target in TARGETS.items():
        if large is None:
            print(f"{name:36}{small[name]:14.2f}")
        else:
            times = large[name] / small["first page" if name == "deep page" else name]
            print(
                f"{name:36}{small[name]:14.2f}{large[name]:14.2f}{times:14.2f}"
                + (f"  at most {target}" if target else "")
            )
    print("(a deep page is held against the first page of the small database)" if large else "", flush=True)


async def measure(folder: Path, most: int) -> None:
    """Fill and measure, size by size."""
    sizes = [_SMALLEST]
    while sizes[-1] * 10 <= most:
        sizes.append(sizes[-1] * 10)
    if sizes[-1] < most:
        sizes.append(most)
    with start_postgres(folder / "postgres", settings=_SERVER) as postgres:
        await migrate(postgres.url)
        for size in sizes:
            began = time.monotonic()
            gibibytes = await _fill(postgres, size)
            print(f"\n{size:,} postings: filled in {time.monotonic() - began:.0f} s, {gibibytes:.1f} GiB", flush=True)
            async with AsyncExitStack() as opened:
                large = await opened.enter_async_context(_growth(postgres.url, postgres.superuser_url, size))
                if size == _SMALLEST:
                    (figures,) = await _measure([large])
                    _print_size(size, figures, None)
                else:
                    urls = database_at(postgres.url, _REFERENCE), database_at(postgres.superuser_url, _REFERENCE)
                    small = await opened.enter_async_context(_growth(*urls, _SMALLEST))
                    _print_size(size, *await _measure([small, large]))


async def _fill(postgres: PostgresServer, size: int) -> float:
    """Bring the database to that size, and the one beside it to what the first was when it was small; how large the first is, in GiB."""
    superuser = await asyncpg.connect(postgres.superuser_url)
    await fill_postings(postgres.superuser_url, superuser, until=size, fresh=_FRESH)
    size_in_bytes: int = await superuser.fetchval("SELECT pg_database_size(current_database())")
    await superuser.close()
    superuser = await asyncpg.connect(database_at(postgres.superuser_url, "postgres"))
    if size == _SMALLEST:
        name = postgres.url.rpartition("/")[2]
        await superuser.execute(f"CREATE DATABASE {_UNTOUCHED} TEMPLATE {name}")
    await superuser.execute(f"DROP DATABASE IF EXISTS {_REFERENCE} WITH (FORCE)")
    await superuser.execute(f"CREATE DATABASE {_REFERENCE} TEMPLATE {_UNTOUCHED}")
    await superuser.execute("CHECKPOINT")
    await superuser.close()
    return size_in_bytes / 2**30


def main(postings: Annotated[int, typer.Option(min=_SMALLEST, help="The largest size.")] = 1_000_000) -> None:
    """Measure what growth costs."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), postings))


if __name__ == "__main__":
    typer.run(main)
