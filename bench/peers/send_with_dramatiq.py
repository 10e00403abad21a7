"""dramatiq: a message a delivery; threads, with a connection to PostgreSQL and a session of HTTP for each."""

import threading
import time
from datetime import UTC, datetime
from typing import Any, Final

import dramatiq
import psycopg
import requests
from dramatiq.brokers.redis import RedisBroker
from psycopg.rows import dict_row
from send import DATABASE_URL, MARK_DELIVERED, REDIS_URL, SELECT_OWED, body, headers

dramatiq.set_broker(RedisBroker(url=REDIS_URL))


class _Mine(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.connection: psycopg.Connection[dict[str, Any]] = psycopg.connect(
            DATABASE_URL, autocommit=True, cursor_factory=psycopg.RawCursor, row_factory=dict_row
        )


_mine: Final = _Mine()


@dramatiq.actor
def deliver(delivery_id: str) -> None:
    """Read, post, mark."""
    owed = _mine.connection.execute(SELECT_OWED, [delivery_id]).fetchone()
    assert owed is not None
    posted, now, began = body(owed), datetime.now(UTC), time.monotonic()
    answer = _mine.session.post(
        owed["url"], data=posted, headers=headers(delivery_id, now, posted), timeout=10, allow_redirects=False
    )
    took = round(1000 * (time.monotonic() - began))
    _mine.connection.execute(MARK_DELIVERED, [delivery_id, now, took, answer.status_code])


async def fill(delivery_ids: list[str]) -> None:
    """A message for each."""
    for delivery_id in delivery_ids:
        deliver.send(delivery_id)
