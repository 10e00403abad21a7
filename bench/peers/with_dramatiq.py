"""dramatiq: a message a posting; threads, with a connection for each."""

import threading
from typing import Final

import dramatiq
import psycopg
from dramatiq.brokers.redis import RedisBroker
from work import DATABASE_URL, DECIDE, REDIS_URL

dramatiq.set_broker(RedisBroker(url=REDIS_URL))
_mine: Final = threading.local()


def connection() -> "psycopg.Connection[psycopg.rows.TupleRow]":
    """This thread's own."""
    if not hasattr(_mine, "connection"):
        _mine.connection = psycopg.connect(DATABASE_URL, autocommit=True, cursor_factory=psycopg.RawCursor)
    found: psycopg.Connection[psycopg.rows.TupleRow] = _mine.connection
    return found


@dramatiq.actor
def decide(posting_id: int) -> None:
    """Decide what waits for one posting."""
    connection().execute(DECIDE, [[posting_id]])


async def fill(posting_ids: list[int]) -> None:
    """A message for each."""
    for posting_id in posting_ids:
        decide.send(posting_id)
