"""SQL on postings."""

from typing import Final, LiteralString

_COLUMNS: Final[LiteralString] = """
       id, client_id, tracking_code, reference, description, service, weight_g, volume_cm3, length_cm, width_cm, height_cm,
       declared_value, freight_price, 'BRL' AS currency, sender, recipient, metadata, status, status_at, posted_at, shipped_at,
       delivered_at, finished_at, estimated_delivery, created_at, test
"""

# $1 client, $2 prefixes in order of use, then one array for each column, and $18 whether the client is a test client.
#
# The tracking code: the posting's number (a test posting's: from 2^62 on) modulo 10^8, permuted by a Feistel network of four rounds over
# two halves of four digits (Luby and Rackoff 1988; the round function is PostgreSQL's seeded hash, which partitioning keeps stable between
# releases), the S10 check digit, and the prefix of the number's range of 10^8. The rounds of a test posting are others, since its id is of
# another range: a test code tells nothing of the live one with the same number. OFFSET 0 keeps the planner from expanding the rounds into
# each other.
#
# A number beyond the last prefix gives no row, and so does a reference that the client has used: the service tells them apart. Nor is
# there a row under a prefix that the other world has codes of (all codes of a prefix are of one world, so its first one tells).
INSERT_POSTINGS: Final[LiteralString] = (
    """
WITH asked AS (
    SELECT *
      FROM unnest($3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[], $8::integer[], $9::integer[], $10::integer[],
                  $11::numeric[], $12::numeric[], $13::text[], $14::text[], $15::text[], $16::timestamptz[], $17::date[])
           WITH ORDINALITY
        AS asked (reference, description, service, weight_g, volume_cm3, length_cm, width_cm, height_cm,
                  declared_value, freight_price, sender, recipient, metadata, posted_at, estimated_delivery, position)
), numbered AS MATERIALIZED (
    SELECT *, nextval(CASE WHEN $18 THEN 'test_posting_numbers'::regclass ELSE 'posting_numbers' END) AS id FROM asked ORDER BY position
), mixed AS (
    SELECT
      FROM unnest($2::text[]) AS prefix
     CROSS JOIN LATERAL (SELECT tracking_code, test FROM postings WHERE tracking_code >= prefix ORDER BY tracking_code LIMIT 1) AS first
     WHERE starts_with(tracking_code, prefix) AND test <> $18
), coded AS (
    SELECT numbered.*, prefix || lpad(serial::text, 8, '0') || s10_check_digit(serial) || 'BR' AS tracking_code
      FROM numbered
     CROSS JOIN tracking_code_key AS key
     CROSS JOIN LATERAL (SELECT id % 4611686018427387904 AS number OFFSET 0) AS counted
     CROSS JOIN LATERAL (SELECT ($2::text[])[number / 100000000 + 1] AS prefix, id / 100000000 AS range,
                                number % 100000000 / 10000 AS l0, number % 10000 AS r0 OFFSET 0) AS halves
     CROSS JOIN LATERAL (SELECT (l0 + (hashint8extended(r0, round_1 # range) & 2147483647)) % 10000 AS l1 OFFSET 0) AS first
     CROSS JOIN LATERAL (SELECT (r0 + (hashint8extended(l1, round_2 # range) & 2147483647)) % 10000 AS r1 OFFSET 0) AS second
     CROSS JOIN LATERAL (SELECT (l1 + (hashint8extended(r1, round_3 # range) & 2147483647)) % 10000 AS l2 OFFSET 0) AS third
     CROSS JOIN LATERAL (SELECT (r1 + (hashint8extended(l2, round_4 # range) & 2147483647)) % 10000 AS r2 OFFSET 0) AS fourth
     CROSS JOIN LATERAL (SELECT (l2 * 10000 + r2)::integer AS serial OFFSET 0) AS permuted
     WHERE prefix IS NOT NULL AND NOT EXISTS (SELECT FROM mixed)
), inserted AS (
    INSERT INTO postings (id, client_id, tracking_code, reference, description, service, weight_g, volume_cm3, length_cm, width_cm,
                          height_cm, declared_value, freight_price, sender, recipient, metadata, posted_at, status_at,
                          estimated_delivery)
    SELECT id, $1, tracking_code, reference, description, service, weight_g, volume_cm3, length_cm, width_cm,
           height_cm, declared_value, freight_price, sender::jsonb, recipient::jsonb, metadata::jsonb,
           coalesce(posted_at, statement_timestamp()), coalesce(posted_at, statement_timestamp()), estimated_delivery
      FROM coded
        ON CONFLICT (client_id, reference) DO NOTHING
    RETURNING *
), begun AS (
    INSERT INTO status_history (posting_id, seq, client_id, status, occurred_at)
    SELECT id, 1, client_id, status, status_at FROM inserted
), owed AS (
    INSERT INTO webhook_deliveries (client_id, endpoint_id, type, posting_id, step, posting_status)
    SELECT endpoint.client_id, endpoint.id, 'posting.created', inserted.id, 1, status
      FROM inserted
      JOIN webhook_endpoints AS endpoint ON endpoint.client_id = $1
     WHERE enabled AND 'posting.created' = ANY (event_types) AND (statuses IS NULL OR status = ANY (statuses))
)
SELECT"""
    + _COLUMNS
    + """
  FROM inserted
 ORDER BY id
"""
)

SELECT_TAKEN_REFERENCES: Final[LiteralString] = """
SELECT reference
  FROM postings
 WHERE client_id = $1 AND reference = ANY ($2::text[])
 ORDER BY reference
"""

SELECT_POSTINGS_AHEAD_OF_TIME: Final[LiteralString] = """
SELECT position
  FROM unnest($1::timestamptz[]) WITH ORDINALITY AS asked (posted_at, position)
 WHERE posted_at > statement_timestamp() + interval '5 minutes'
 ORDER BY position
"""

INSERT_IDEMPOTENCY_KEY: Final[LiteralString] = """
INSERT INTO posting_idempotency_keys (client_id, key, request_hash)
VALUES ($1, $2, $3)
    ON CONFLICT (client_id, key) DO NOTHING
RETURNING key
"""

UPDATE_IDEMPOTENCY_KEY: Final[LiteralString] = """
UPDATE posting_idempotency_keys
   SET posting_ids = $3
 WHERE client_id = $1 AND key = $2
"""

SELECT_IDEMPOTENCY_KEY: Final[LiteralString] = """
SELECT request_hash, posting_ids
  FROM posting_idempotency_keys
 WHERE client_id = $1 AND key = $2
"""

SELECT_POSTINGS_BY_ID: Final[LiteralString] = (
    """
SELECT"""
    + _COLUMNS
    + """
  FROM postings
 WHERE client_id = $1 AND id = ANY ($2::bigint[])
 ORDER BY id
"""
)

# $1 the codes, $2 for each the owner; NULL for an operator, who sees every posting but those of test worlds.
SELECT_OWNED_POSTINGS: Final[LiteralString] = (
    """
SELECT position, posting.*
  FROM unnest((SELECT $1::text[]), $2::uuid[]) WITH ORDINALITY AS asked (code, owner, position)
 CROSS JOIN LATERAL (
       SELECT"""
    + _COLUMNS
    + """
         FROM postings
        WHERE tracking_code = code AND (client_id = owner OR owner IS NULL AND NOT test)
        LIMIT 1) AS posting
"""
)

_FILTERS: Final[LiteralString] = """
   AND ($2::text IS NULL OR status = $2)
   AND ($3::text IS NULL OR reference = $3)
   AND ($4::timestamptz IS NULL OR created_at >= $4)
   AND ($5::timestamptz IS NULL OR created_at < $5)
   AND ($6::timestamptz IS NULL OR posted_at >= $6)
   AND ($7::timestamptz IS NULL OR posted_at < $7)
   AND ($8::text IS NULL OR lower(recipient ->> 'city') = lower($8))
   AND ($9::text IS NULL OR recipient ->> 'uf' = $9)
   AND ($10::text IS NULL OR starts_with(recipient ->> 'cep', $10))
   AND ($11::interval IS NULL OR (status IN ('pending', 'shipped') AND status_at <= statement_timestamp() - $11))
   AND ($12::text IS NULL OR position(lower($12) IN lower(concat_ws(' ', tracking_code, reference, description, recipient ->> 'name'))) > 0)
"""

_PAGE: Final[LiteralString] = "\nSELECT" + _COLUMNS + "\n  FROM postings\n WHERE "
_OF_CLIENT: Final[LiteralString] = "client_id = $1"
_OF_ALL: Final[LiteralString] = "$1::uuid IS NULL AND NOT test"
_NEWEST_FIRST: Final[LiteralString] = "   AND id < $13\n ORDER BY id DESC\n LIMIT $14\n"
_OLDEST_FIRST: Final[LiteralString] = "   AND id > $13\n ORDER BY id\n LIMIT $14\n"
_LAST_POSTED_FIRST: Final[LiteralString] = (
    "   AND (posted_at, id) < ($15::timestamptz, $13)\n ORDER BY posted_at DESC, id DESC\n LIMIT $14\n"
)
_FIRST_POSTED_FIRST: Final[LiteralString] = (
    "   AND (posted_at, id) > ($15::timestamptz, $13)\n ORDER BY posted_at, id\n LIMIT $14\n"
)

# $1 the owner, $2 to $12 the filters (NULL: any), $13 and $15 where the last page ended, $14 the page's length. One statement for each
# order and audience, so that each is planned for the index it reads.
SELECT_POSTINGS_NEWEST_FIRST: Final[LiteralString] = _PAGE + _OF_CLIENT + _FILTERS + _NEWEST_FIRST
SELECT_POSTINGS_OLDEST_FIRST: Final[LiteralString] = _PAGE + _OF_CLIENT + _FILTERS + _OLDEST_FIRST
SELECT_POSTINGS_LAST_POSTED_FIRST: Final[LiteralString] = _PAGE + _OF_CLIENT + _FILTERS + _LAST_POSTED_FIRST
SELECT_POSTINGS_FIRST_POSTED_FIRST: Final[LiteralString] = _PAGE + _OF_CLIENT + _FILTERS + _FIRST_POSTED_FIRST
SELECT_ALL_POSTINGS_NEWEST_FIRST: Final[LiteralString] = _PAGE + _OF_ALL + _FILTERS + _NEWEST_FIRST
SELECT_ALL_POSTINGS_OLDEST_FIRST: Final[LiteralString] = _PAGE + _OF_ALL + _FILTERS + _OLDEST_FIRST
SELECT_ALL_POSTINGS_LAST_POSTED_FIRST: Final[LiteralString] = _PAGE + _OF_ALL + _FILTERS + _LAST_POSTED_FIRST
SELECT_ALL_POSTINGS_FIRST_POSTED_FIRST: Final[LiteralString] = _PAGE + _OF_ALL + _FILTERS + _FIRST_POSTED_FIRST

# What may be told to anybody who has the code ($1, each code once): one row for each step, in the order they were written. No column here
# holds personal data.
SELECT_PUBLIC_STEPS: Final[LiteralString] = """
SELECT posting.*, step.status, step.occurred_at, step.city, step.uf, step.description
  FROM unnest((SELECT $1::text[])) AS code
 CROSS JOIN LATERAL (
       SELECT id AS posting_id, tracking_code, test, service, posted_at, estimated_delivery, recipient ->> 'city' AS destination_city,
              recipient ->> 'uf' AS destination_uf
         FROM postings
        WHERE tracking_code = code
        LIMIT 1) AS posting
 CROSS JOIN LATERAL (
       SELECT seq, status, occurred_at, city, uf, description
         FROM status_history
        WHERE status_history.posting_id = posting.posting_id
       OFFSET 0) AS step
 ORDER BY posting.posting_id, step.seq
"""

# The lock of a decision: whoever holds it decides everything queued for these postings. Postings in other hands are skipped, not
# waited for, so no two workers can wait for each other and one long transaction holds up one posting only. NO KEY: accepts go on.
LOCK_POSTINGS: Final[LiteralString] = """
SELECT id, status, status_at, step_count
  FROM postings
 WHERE id = ANY ($1::bigint[])
 ORDER BY id
   FOR NO KEY UPDATE SKIP LOCKED
"""

# Drawn one by one, as postings draw them: it goes only forward, beside a running service too, and needs no more than its privileges.
SKIP_POSTING_NUMBERS: Final[LiteralString] = """
SELECT max(nextval('posting_numbers')) AS last
  FROM generate_series(1, $1::bigint)
"""
