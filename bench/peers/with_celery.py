"""Celery: a task a posting; processes, with a connection for each. No results, and prefetching as its guide for short tasks says."""

from functools import lru_cache
from typing import Final

import psycopg
from celery import Celery
from work import DATABASE_URL, DECIDE, REDIS_URL

app: Final = Celery("peers", broker=REDIS_URL)
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=64, broker_connection_retry_on_startup=True)


@lru_cache(maxsize=1)
def connection() -> "psycopg.Connection[psycopg.rows.TupleRow]":
    """This process' own."""
    return psycopg.connect(DATABASE_URL, autocommit=True, cursor_factory=psycopg.RawCursor)


@app.task(name="decide", acks_late=True)
def decide(posting_id: int) -> None:
    """Decide what waits for one posting."""
    connection().execute(DECIDE, [[posting_id]])


async def fill(posting_ids: list[int]) -> None:
    """A task for each."""
    with app.producer_pool.acquire(block=True) as producer:
        for posting_id in posting_ids:
            decide.apply_async((posting_id,), producer=producer)
