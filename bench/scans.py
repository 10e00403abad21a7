"""Scans of many postings in the database itself, without HTTP: accepted, decided, swept, each with the seconds that it took."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from app.core.ids import new_id
from app.db.database import Database
from app.services import decision_service, queue_service

_QUEUE: Final = """
INSERT INTO status_updates (id, posting_id, client_id, status, city, uf, description)
SELECT asked.id, posting_id, client_id, 'shipped', 'Campinas', 'SP', $3
  FROM unnest($1::uuid[], $2::bigint[]) AS asked (id, posting_id)
  JOIN postings ON postings.id = posting_id
"""


async def accept_scans(database: Database, ids: Sequence[int], description: str | None = None) -> float:
    """Queue one scan for each of these postings."""
    began = time.perf_counter()
    async with database.transaction() as transaction:
        await transaction.execute(_QUEUE, [new_id() for _ in ids], ids, description)
    return time.perf_counter() - began


async def decide_scans(database: Database, ids: Sequence[int]) -> float:
    """Decide what is queued for these postings."""
    began = time.perf_counter()
    async with database.transaction() as transaction:
        await decision_service.decide_queued_updates(transaction, ids)
    return time.perf_counter() - began


async def sweep(database: Database) -> float:
    """Look for what no hint brought; all that was decided since the last vacuum is in the way."""
    began = time.perf_counter()
    await queue_service.sweep_queued_updates(database.reader, older_than=timedelta(seconds=1), after=-1, limit=1_000)
    return time.perf_counter() - began
