"""The limits: what PostgreSQL does when it is given everything at once, with nobody in between."""

import io
import time
from typing import Final, LiteralString

import asyncpg

_DECIDED: Final[LiteralString] = """
SELECT posting_id, 2, client_id, id, status, accepted_at FROM status_updates WHERE state = 'queued' ORDER BY seq
"""

_MAKE_TABLE: Final[LiteralString] = """
CREATE TEMPORARY TABLE decided (
    posting_id bigint, seq smallint, client_id uuid, update_id uuid, status text, occurred_at timestamptz
) ON COMMIT DROP
"""

# All that the worker does to the tables: the step with its foreign keys, the posting, and the end of the update.
_WRITE: Final[LiteralString] = """
WITH written AS (
    INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at)
    SELECT posting_id, seq, client_id, update_id, status, occurred_at FROM decided
), moved AS (
    UPDATE postings
       SET status = decided.status, status_at = decided.occurred_at, shipped_at = decided.occurred_at, step_count = decided.seq
      FROM decided
     WHERE postings.id = decided.posting_id
)
UPDATE status_updates
   SET state = 'applied', decided_at = statement_timestamp()
  FROM decided
 WHERE status_updates.id = decided.update_id AND state = 'queued'
"""

_POSTING_COLUMNS: Final = (
    "id, client_id, tracking_code, reference, description, service, weight_g, volume_cm3, length_cm, width_cm, height_cm,"
    " declared_value, freight_price, sender, recipient, metadata, posted_at, status_at, estimated_delivery"
)
_STEP_COLUMNS: Final = "posting_id, seq, client_id, status, occurred_at"
_SOME_POSTINGS: Final = f"SELECT {_POSTING_COLUMNS} FROM postings WHERE id >= $1 AND id < $2"
_SOME_STEPS: Final = f"SELECT {_STEP_COLUMNS} FROM status_history WHERE posting_id >= $1 AND posting_id < $2"


async def decide_everything(url: str) -> float:
    """Updates a second: COPY into a temporary table and one statement, from the first byte to the answered COMMIT."""
    connection = await asyncpg.connect(url, command_timeout=120)
    text = io.BytesIO()
    await connection.copy_from_query(_DECIDED, output=text)
    text.seek(0)
    began = time.perf_counter()
    async with connection.transaction():
        await connection.execute(_MAKE_TABLE)
        await connection.copy_to_table("decided", source=text)
        tag = await connection.execute(_WRITE)
    seconds = time.perf_counter() - began
    await connection.close()
    return int(tag.rpartition(" ")[2]) / seconds


async def copy_postings(filled: str, empty: str, *, seconds: float, at_once: int) -> float:
    """Postings a second: COPY of postings and first steps, a transaction for each `at_once`, as bytes made beforehand."""
    source, target = await asyncpg.connect(filled), await asyncpg.connect(empty)
    client = await source.fetchrow("SELECT id, name, email, password_hash FROM clients")
    assert client is not None
    await target.execute("DELETE FROM clients")
    await target.execute("INSERT INTO clients (id, name, email, password_hash) VALUES ($1, $2, $3, $4)", *client)
    first, count = (
        await source.fetchval("SELECT min(id) FROM postings"),
        await source.fetchval("SELECT count(*) FROM postings"),
    )
    copied = took = 0.0
    for start in range(first, first + count, at_once):
        pages = [await _text(source, query, start, at_once) for query in (_SOME_POSTINGS, _SOME_STEPS)]
        began = time.perf_counter()
        async with target.transaction():
            await target.copy_to_table("postings", source=pages[0], columns=_POSTING_COLUMNS.split(", "))
            await target.copy_to_table("status_history", source=pages[1], columns=_STEP_COLUMNS.split(", "))
        took += time.perf_counter() - began
        copied += at_once
        if took > seconds:
            break
    await source.close()
    await target.close()
    return copied / took


async def _text(connection: "asyncpg.Connection[asyncpg.Record]", query: str, start: int, at_once: int) -> io.BytesIO:
    output = io.BytesIO()
    await connection.copy_from_query(query, start, start + at_once, output=output)
    output.seek(0)
    return output
