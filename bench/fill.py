"""Fills a database: postings of one client in the same shape as over HTTP, and one queued update for each of the first."""

from typing import Final, LiteralString

import asyncpg

from app.models.postings import NewPosting

_CLIENT: Final[LiteralString] = """
INSERT INTO clients (name, email, password_hash) VALUES ('Bench', 'bench@bench.com.br', 'none') RETURNING id
"""

# A prefix that no deployment begins with: the codes that the product gives later are others.
_POSTINGS: Final[LiteralString] = """
INSERT INTO postings (id, client_id, tracking_code, description, service, weight_g, volume_cm3, length_cm, width_cm, height_cm,
                      declared_value, freight_price, sender, recipient, metadata, posted_at, status_at, estimated_delivery)
SELECT nextval('posting_numbers'), $1, 'ZB' || lpad(number::text, 8, '0') || s10_check_digit(number) || 'BR', $3, 'standard', $4,
       7200, 30, 20, 12, $5::text::numeric, 9.45, $6::text::jsonb, $7::text::jsonb, $8::text::jsonb, statement_timestamp(),
       statement_timestamp(), '2030-12-04'
  FROM generate_series(1, $2::integer) AS number
"""

_STEPS: Final[LiteralString] = """
INSERT INTO status_history (posting_id, seq, client_id, status, occurred_at)
SELECT id, 1, client_id, status, status_at FROM postings ORDER BY id
"""

_UPDATES: Final[LiteralString] = """
INSERT INTO status_updates (id, posting_id, client_id, status)
SELECT uuidv7(), id, client_id, 'shipped' FROM postings ORDER BY id LIMIT $1
"""


async def fill(url: str, *, postings: int, updates: int) -> None:
    """Fill a migrated, empty database, and leave it as a running one is: vacuumed and with statistics."""
    connection = await asyncpg.connect(url, command_timeout=300)
    example = NewPosting.model_validate(NewPosting.example)
    client = await connection.fetchval(_CLIENT)
    await connection.execute(
        _POSTINGS,
        *(client, postings, example.description, example.weight_g, str(example.declared_value)),
        *(example.sender.model_dump_json(exclude_none=True), example.recipient.model_dump_json(exclude_none=True)),
        '{"canal": "site"}',
    )
    await connection.execute(_STEPS)
    await connection.execute(_UPDATES, updates)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
