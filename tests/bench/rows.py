"""What is in the tables after a queue was emptied, or all that is owed delivered: of two copies of one database it can be compared."""

from collections.abc import Sequence
from typing import Final

import asyncpg

_QUERIES: Final = (
    "SELECT posting_id, seq, client_id, update_id, occurred_at, status, city, uf, description FROM status_history ORDER BY 1, 2",
    "SELECT id, status, status_at, shipped_at, step_count FROM postings ORDER BY 1",
    "SELECT id, state, refusal, attempts FROM status_updates ORDER BY 1",
)


_DELIVERED: Final = """
SELECT posting_id, state, attempts, due_at, number, status, failure, body_start
  FROM webhook_deliveries
  LEFT JOIN webhook_attempts ON delivery_id = id
 ORDER BY 1, 5
"""


async def rows_left(url: str) -> list[list[tuple[object, ...]]]:
    """All rows that deciding writes, without the moments at which it did."""
    return await _rows(url, _QUERIES)


async def log_left(url: str) -> list[list[tuple[object, ...]]]:
    """What the log of deliveries says, without ids and moments."""
    return await _rows(url, (_DELIVERED,))


async def _rows(url: str, queries: Sequence[str]) -> list[list[tuple[object, ...]]]:
    connection = await asyncpg.connect(url)
    try:
        return [[tuple(row) for row in await connection.fetch(query)] for query in queries]
    finally:
        await connection.close()
