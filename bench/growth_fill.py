"""Fills a database with postings that have lived: histories and updates with them, by COPY, in minutes.

The rows are made by the server that takes them: one connection reads a generated SELECT, another one copies its bytes in, so that both
work at once. Codes come from the service's own permutation. Indexes, unique constraints and foreign keys are taken off for the
loading and put on again afterwards: what PostgreSQL then accepts is as valid as if every row had come through the API.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from app.db.queries.postings import INSERT_POSTINGS

CLIENTS: Final = 200
ONE_IN: Final = 1_000_000
"""Postings are copied in portions of so many."""
_TABLES: Final = ("status_history", "status_updates", "postings")  # in the order in which their keys can be taken off

# The very rounds with which the service makes its codes, cut out of its own statement.
_, _, _FROM_KEY = INSERT_POSTINGS.partition("FROM numbered")
_ROUNDS: Final = _FROM_KEY.partition("WHERE prefix")[0].replace("($2::text[])[number / 100000000 + 1]", "'ZP'")

_INSERT_CLIENTS: Final = """
INSERT INTO clients (id, name, email, password_hash)
SELECT md5('client ' || n)::uuid, 'Loja ' || n, 'loja' || n || '@growth.com.br', '-' FROM generate_series(0, $1 - 1) AS n
ON CONFLICT DO NOTHING
"""

# A posting's life follows from its number: most are shipped and delivered, some with a scan, a tenth is returned, three are under way.
# The last `fresh` of each filling are pending. One posting every three seconds; a fifth of all belongs to client 0.
FIRST_POSTED_AT: Final = datetime(2025, 1, 1, tzinfo=UTC)
BETWEEN_POSTINGS: Final = timedelta(seconds=3)
_LIVES: Final = """
SELECT id, md5('client ' || CASE WHEN dice % 5 = 0 THEN 0 ELSE dice % {clients} END)::uuid AS client_id, dice,
       timestamptz '2025-01-01 00:00Z' + id * interval '3 seconds' AS posted_at,
       CASE WHEN id >= {fresh_from} THEN 1 WHEN dice % 10 > 6 THEN 2 WHEN dice % 10 < 4 THEN 3 ELSE 4 END AS steps,
       CASE WHEN dice % 10 = 6 THEN 'returned' ELSE 'delivered' END AS ending
  FROM (SELECT id, (hashint8extended(id, 7) & 2147483647) AS dice FROM generate_series({first}::bigint, {last}::bigint) AS id) AS numbers
"""

_POSTINGS: Final = (
    """
SELECT id, client_id, 'ZP' || lpad(serial::text, 8, '0') || s10_check_digit(serial) || 'BR' AS tracking_code,
       CASE WHEN steps = 1 THEN 'pending' WHEN steps = 2 THEN 'shipped' ELSE ending END AS status,
       posted_at + (steps - 1) * interval '1 day' AS status_at,
       CASE WHEN steps > 1 THEN posted_at + interval '1 day' END AS shipped_at, posted_at, posted_at AS created_at,
       steps::smallint AS step_count, (200 + dice % 9000)::integer AS weight_g, (1000 + dice % 50000)::integer AS volume_cm3,
       (dice % 100000 / 100.0)::numeric(12, 2) AS declared_value, (5 + dice % 9000 / 100.0)::numeric(12, 2) AS freight_price,
       'standard' AS service, 'order-' || id AS reference,
       '{{"name": "Loja das Couves", "cep": "14010000", "street": "Rua do Comércio", "number": "77",
          "city": "Ribeirão Preto", "uf": "SP"}}'::jsonb
         AS sender,
       jsonb_build_object('name', 'Maria ' || dice % 10007, 'cep', lpad((dice % 99999999)::text, 8, '0'), 'street',
                          'Avenida das Nações', 'number', (dice % 3000)::text, 'city', 'Campinas', 'uf', 'SP') AS recipient,
       '{{}}'::jsonb AS metadata
  FROM (SELECT lives.*, serial FROM ("""
    + _LIVES
    + ") AS lives"
    + _ROUNDS
    + ") AS coded"
)
_UPDATE_ID: Final = """
(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(lives.id || '.' || seq), 1, 3) || '8'
 || substr(md5(lives.id || '.' || seq), 4, 15))::uuid
"""
_STEPS: Final = (
    "(SELECT lives.*, seq, posted_at + (seq - 1) * interval '1 day' AS at,"
    " CASE WHEN seq = 1 THEN 'pending' WHEN seq = 2 OR seq < steps THEN 'shipped' ELSE ending END AS status"
    " FROM (" + _LIVES + ") AS lives CROSS JOIN LATERAL generate_series({first_seq}, steps) AS seq) AS lives"
)
_HISTORY: Final = (
    "SELECT id AS posting_id, seq::smallint AS seq, client_id, CASE WHEN seq > 1 THEN "
    + _UPDATE_ID
    + " END AS update_id,"
    " at AS occurred_at, at AS recorded_at, status, CASE WHEN seq > 1 THEN 'Campinas' END AS city,"
    " CASE WHEN seq > 1 THEN 'SP' END AS uf FROM " + _STEPS
)
_UPDATES: Final = (
    "SELECT " + _UPDATE_ID + " AS id, id AS posting_id, client_id, at AS accepted_at, at AS occurred_at,"
    " at + interval '10 ms' AS decided_at, 'applied' AS state, status, 'Campinas' AS city, 'SP' AS uf FROM " + _STEPS
)

SELECT_UNDER_WAY: Final = """
SELECT id FROM unnest($1::bigint[]) AS id WHERE (hashint8extended(id, 7) & 2147483647) % 10 > 6
"""
"""Of these numbers those whose postings are shipped and no more."""

# Unique constraints and foreign keys with what makes them, and the other indexes; primary keys stay: rows come in their order.
_TAKE_OFF: Final = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS off,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS on_again
  FROM pg_constraint
 WHERE conrelid = ANY ($1::text[]::regclass[]) AND contype IN ('f', 'u')
UNION ALL
SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
  FROM pg_index
 WHERE indrelid = ANY ($1::text[]::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


async def fill_postings(owner_url: str, owner: Any, *, until: int, fresh: int) -> None:
    """Bring the database to `until` postings, numbered from 0; the last `fresh` of them are pending."""
    await owner.execute(_INSERT_CLIENTS, CLIENTS)
    first = await owner.fetchval("SELECT coalesce(max(id) + 1, 0) FROM postings")
    parts = await owner.fetch(_TAKE_OFF, list(_TABLES))
    for part in parts:
        await owner.execute(part["off"])
    for start in range(first, until, ONE_IN):
        last = min(start + ONE_IN, until) - 1
        for table, select, first_seq in (
            ("postings", _POSTINGS, 1),
            ("status_history", _HISTORY, 1),
            ("status_updates", _UPDATES, 2),
        ):
            sql = select.format(clients=CLIENTS, first=start, last=last, fresh_from=until - fresh, first_seq=first_seq)
            await _copy(owner_url, table, sql)
    for part in reversed(parts):
        await owner.execute(part["on_again"])
    await owner.execute("SELECT setval('posting_numbers', $1)", until - 1)
    for table in _TABLES:
        await owner.execute(f"VACUUM (ANALYZE, FREEZE) {table}")


async def _copy(url: str, table: str, select: str) -> None:
    reading, writing = await asyncpg.connect(url), await asyncpg.connect(url)
    portions: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=16)

    async def arrived() -> AsyncIterator[bytes]:
        while (portion := await portions.get()) is not None:
            yield portion

    async def read() -> None:
        try:
            await reading.copy_from_query(select, output=portions.put, format="binary")
        finally:
            await portions.put(None)

    try:
        columns = [attribute.name for attribute in (await reading.prepare(select)).get_attributes()]
        async with asyncio.TaskGroup() as both:
            both.create_task(read())
            both.create_task(writing.copy_to_table(table, source=arrived(), columns=columns, format="binary"))
    finally:
        await reading.close()
        await writing.close()
