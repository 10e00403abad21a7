"""What is in the tables after a queue was emptied: of two copies of one database it can be compared."""

from typing import Final

import asyncpg

_QUERIES: Final = (
    "SELECT posting_id, seq, client_id, update_id, occurred_at, status, city, uf, description FROM status_history ORDER BY 1, 2",
    "SELECT id, status, status_at, shipped_at, step_count FROM postings ORDER BY 1",
    "SELECT id, state, refusal, attempts FROM status_updates ORDER BY 1",
)


async def rows_left(url: str) -> list[list[tuple[object, ...]]]:
    """All rows that deciding writes, without the moments at which it did."""
    connection = await asyncpg.connect(url)
    try:
        return [[tuple(row) for row in await connection.fetch(query)] for query in _QUERIES]
    finally:
        await connection.close()
