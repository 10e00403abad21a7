"""Fills a database with what is owed to many endpoints: of each posting, that it was created."""

from typing import Final, LiteralString

import asyncpg

from app.core.ids import new_id
from app.core.secret_box import SecretBox
from bench.ground import SECRET, Place
from bench.receivers import address

ENDPOINTS: Final = 200
WEBHOOK_SECRET: Final = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # noqa: S105 - of servers that live for minutes
_OF_ONE_CLIENT: Final = 10

_CLIENTS: Final[LiteralString] = """
INSERT INTO clients (name, email, password_hash)
SELECT 'Bench ' || number, 'bench-' || number || '@bench.com.br', 'none' FROM generate_series(1, $1::integer) AS number
RETURNING id
"""

_ENDPOINTS: Final[LiteralString] = """
INSERT INTO webhook_endpoints (id, client_id, place, url, event_types, secret)
SELECT id, client_id, place, url, ARRAY['posting.created'], secret
  FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::bytea[]) AS made (id, client_id, place, url, secret)
"""

_DELIVERIES: Final[LiteralString] = """
INSERT INTO webhook_deliveries (client_id, endpoint_id, type, posting_id, step, posting_status)
SELECT endpoint.client_id, endpoint.id, 'posting.created', posting.id, 1, 'pending'
  FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM postings ORDER BY id LIMIT $1) AS posting
  JOIN (SELECT id, client_id, row_number() OVER (ORDER BY id) - 1 AS number FROM webhook_endpoints) AS endpoint
    ON endpoint.number = posting.number % $2
 ORDER BY posting.id
"""


async def owe(place: Place, *, deliveries: int, port: int) -> None:
    """Owe so many deliveries, each of another posting, in turn to the endpoints, whose receivers listen on this port."""
    connection = await asyncpg.connect(place.database_url, command_timeout=300)
    clients = [row["id"] for row in await connection.fetch(_CLIENTS, ENDPOINTS // _OF_ONE_CLIENT)]
    ids, box = [new_id() for _ in range(ENDPOINTS)], SecretBox([SECRET])
    await connection.execute(
        _ENDPOINTS,
        ids,
        [clients[number // _OF_ONE_CLIENT] for number in range(ENDPOINTS)],
        [number % _OF_ONE_CLIENT + 1 for number in range(ENDPOINTS)],
        [f"http://{address(number)}:{port}/webhooks" for number in range(ENDPOINTS)],
        [box.seal(WEBHOOK_SECRET, context=endpoint_id.bytes) for endpoint_id in ids],
    )
    await connection.execute(_DELIVERIES, deliveries, ENDPOINTS)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
