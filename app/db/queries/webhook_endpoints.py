"""SQL on webhook endpoints: those that are not deleted, and always of one client."""

from typing import Final, LiteralString

_COLUMNS: Final[LiteralString] = """
       id, url, description, event_types, statuses, enabled, disabled_reason, disabled_at, failing_since, paused_until,
       previous_secret_until, created_at
"""

# "No row" means that all ten places are taken; the client is locked, so that nobody takes one meanwhile.
INSERT_WEBHOOK_ENDPOINT: Final[LiteralString] = (
    """
INSERT INTO webhook_endpoints (id, client_id, place, url, description, event_types, statuses, enabled, disabled_reason, disabled_at,
                               secret)
SELECT $1, $2, free.place, $3, $4, $5::text[], $6::text[], $7, CASE WHEN NOT $7 THEN 'by_owner' END,
       CASE WHEN NOT $7 THEN statement_timestamp() END, $8
  FROM generate_series(1, 10) AS free (place)
 WHERE NOT EXISTS (SELECT FROM webhook_endpoints AS taken WHERE taken.client_id = $2 AND taken.place = free.place)
 ORDER BY free.place
 LIMIT 1
RETURNING"""
    + _COLUMNS
)

SELECT_WEBHOOK_ENDPOINT: Final[LiteralString] = (
    """
SELECT"""
    + _COLUMNS
    + """
  FROM webhook_endpoints
 WHERE id = $1 AND client_id = $2 AND deleted_at IS NULL
"""
)

SELECT_WEBHOOK_ENDPOINTS: Final[LiteralString] = (
    """
SELECT"""
    + _COLUMNS
    + """
  FROM webhook_endpoints
 WHERE client_id = $1 AND deleted_at IS NULL
 ORDER BY id
"""
)

# $3 to $12: for each field whether it was sent, and its value. What is enabled again begins anew: what it failed before is forgotten.
UPDATE_WEBHOOK_ENDPOINT: Final[LiteralString] = (
    """
UPDATE webhook_endpoints
   SET url             = CASE WHEN $3 THEN $4 ELSE url END,
       description     = CASE WHEN $5 THEN $6 ELSE description END,
       event_types     = CASE WHEN $7 THEN $8::text[] ELSE event_types END,
       statuses        = CASE WHEN $9 THEN $10::text[] ELSE statuses END,
       enabled         = CASE WHEN $11 THEN $12 ELSE enabled END,
       disabled_reason = CASE WHEN NOT $11 OR $12 = enabled THEN disabled_reason WHEN NOT $12 THEN 'by_owner' END,
       disabled_at     = CASE WHEN NOT $11 OR $12 = enabled THEN disabled_at WHEN NOT $12 THEN statement_timestamp() END,
       failing_since   = CASE WHEN $11 AND $12 AND NOT enabled THEN NULL ELSE failing_since END,
       paused_at       = CASE WHEN $11 AND $12 AND NOT enabled THEN NULL ELSE paused_at END,
       paused_until    = CASE WHEN $11 AND $12 AND NOT enabled THEN NULL ELSE paused_until END
 WHERE id = $1 AND client_id = $2 AND deleted_at IS NULL
RETURNING"""
    + _COLUMNS
)

# $3 the new secret, $4 for how long the old one stays valid beside it.
UPDATE_WEBHOOK_SECRET: Final[LiteralString] = (
    """
UPDATE webhook_endpoints
   SET secret                = $3,
       previous_secret       = secret,
       previous_secret_until = statement_timestamp() + $4::interval
 WHERE id = $1 AND client_id = $2 AND deleted_at IS NULL
RETURNING"""
    + _COLUMNS
)

# The row stays, for the deliveries that name it; its secrets go.
_DELETED: Final[LiteralString] = """
       place = NULL, deleted_at = coalesce(deleted_at, statement_timestamp()),
       secret = '', previous_secret = NULL, previous_secret_until = NULL,
       enabled = false, disabled_reason = coalesce(disabled_reason, 'by_owner'),
       disabled_at = coalesce(disabled_at, statement_timestamp())
"""

DELETE_WEBHOOK_ENDPOINT: Final[LiteralString] = (
    """
UPDATE webhook_endpoints
   SET"""
    + _DELETED
    + """
 WHERE id = $1 AND client_id = $2 AND deleted_at IS NULL
RETURNING id
"""
)

# All endpoints of $1, whose account ends, and of its test world: where they were goes too.
DELETE_WEBHOOK_ENDPOINTS_OF_CLIENT: Final[LiteralString] = (
    """
UPDATE webhook_endpoints
   SET url = 'https://deleted.invalid/', description = NULL,"""
    + _DELETED
    + """
 WHERE client_id = $1 OR client_id = (SELECT client_id FROM test_clients WHERE account_id = $1)
"""
)

# The lock of a claim: whoever holds it takes from what is due to these endpoints. Those in other hands are skipped. Beginning after $1
# and without $2, at most $3; endpoints that are owed nothing are not looked at, however many they are.
LOCK_ENDPOINTS_WITH_DUE: Final[LiteralString] = """
WITH RECURSIVE owed (endpoint_id) AS (
    (SELECT endpoint_id FROM webhook_deliveries WHERE due_at IS NOT NULL AND endpoint_id > $1 ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT next.endpoint_id FROM webhook_deliveries AS next
             WHERE next.due_at IS NOT NULL AND next.endpoint_id > owed.endpoint_id ORDER BY next.endpoint_id LIMIT 1)
      FROM owed
     WHERE owed.endpoint_id IS NOT NULL
)
SELECT endpoint.id, url, secret, CASE WHEN previous_secret_until > statement_timestamp() THEN previous_secret END AS previous_secret,
       failing_since IS NOT NULL AS failing
  FROM owed
  JOIN webhook_endpoints AS endpoint ON endpoint.id = owed.endpoint_id
 WHERE enabled AND (paused_until IS NULL OR statement_timestamp() NOT BETWEEN paused_at AND paused_until)
   AND endpoint.id <> ALL ($2::uuid[])
   AND EXISTS (SELECT FROM webhook_deliveries AS due WHERE due.endpoint_id = endpoint.id AND due.due_at <= statement_timestamp())
 ORDER BY endpoint.id
 LIMIT $3
   FOR NO KEY UPDATE OF endpoint SKIP LOCKED
"""

# $1 endpoints, each once; $2 whether its last delivery succeeded, $3 whether it says that it is gone for good, $4 for how long it asks to
# be left in peace, $5 how long one may fail before it is disabled. An endpoint for which nothing changes is not written.
UPDATE_ENDPOINT_HEALTH: Final[LiteralString] = """
UPDATE webhook_endpoints AS endpoint
   SET failing_since   = CASE WHEN succeeded THEN NULL ELSE coalesce(failing_since, statement_timestamp()) END,
       paused_at       = CASE WHEN pause IS NOT NULL THEN statement_timestamp() WHEN NOT succeeded THEN paused_at END,
       paused_until    = CASE WHEN pause IS NOT NULL THEN statement_timestamp() + pause WHEN NOT succeeded THEN paused_until END,
       enabled         = enabled AND NOT gone AND (succeeded OR coalesce(failing_since > statement_timestamp() - $5::interval, true)),
       disabled_reason = CASE WHEN NOT enabled THEN disabled_reason
                              WHEN gone THEN 'gone'
                              WHEN NOT succeeded AND failing_since <= statement_timestamp() - $5::interval THEN 'failing' END,
       disabled_at     = CASE WHEN NOT enabled THEN disabled_at
                              WHEN gone OR NOT succeeded AND failing_since <= statement_timestamp() - $5::interval
                              THEN statement_timestamp() END
  FROM unnest($1::uuid[], $2::boolean[], $3::boolean[], $4::interval[]) AS seen (id, succeeded, gone, pause)
 WHERE endpoint.id = seen.id
   AND (succeeded = (failing_since IS NOT NULL) OR gone OR pause IS NOT NULL
        OR NOT succeeded AND failing_since <= statement_timestamp() - $5::interval)
RETURNING endpoint.id, disabled_reason, disabled_at IS NOT DISTINCT FROM statement_timestamp() AS disabled_now
"""

# One row for each secret that signs: a previous one whose time is over stays where it is, and needs no key any more.
SELECT_SEALED_SECRETS: Final[LiteralString] = """
SELECT id AS endpoint_id, sealed
  FROM webhook_endpoints
 CROSS JOIN LATERAL unnest(ARRAY[secret, CASE WHEN previous_secret_until > statement_timestamp() THEN previous_secret END]) AS sealed
 WHERE deleted_at IS NULL AND sealed IS NOT NULL
"""

# $1 endpoints, $2 a secret as it lies there, $3 the same secret sealed anew. Found by what it was, so a rotation that came between stays.
UPDATE_SEALED_SECRETS: Final[LiteralString] = """
UPDATE webhook_endpoints AS endpoint
   SET secret = coalesce((SELECT new FROM unnest($2::bytea[], $3::bytea[]) AS sealed (old, new) WHERE old = secret), secret),
       previous_secret = coalesce((SELECT new FROM unnest($2::bytea[], $3::bytea[]) AS sealed (old, new) WHERE old = previous_secret),
                                  previous_secret)
 WHERE id = ANY ($1::uuid[])
"""
