"""SQL on API keys."""

from typing import Final, LiteralString

_COLUMNS: Final[LiteralString] = (
    "id, name, CASE WHEN test THEN 'test' ELSE 'live' END AS mode, scopes, last4, created_at, expires_at, last_used_at"
)
_IS_LIVE: Final[LiteralString] = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > statement_timestamp())"

COUNT_LIVE_API_KEYS: Final[LiteralString] = (
    """
SELECT count(*) AS live
  FROM api_keys
 WHERE client_id = $1
   AND """
    + _IS_LIVE
)

# "No row" means that the key would expire before it is made.
INSERT_API_KEY: Final[LiteralString] = (
    """
INSERT INTO api_keys (client_id, name, scopes, expires_at, lifetime, key_hash, last4, test)
SELECT $1, $2, $3, $4, $4 - statement_timestamp(), $5, $6, $7
 WHERE $4::timestamptz IS NULL OR $4 > statement_timestamp()
RETURNING """
    + _COLUMNS
)

SELECT_API_KEYS: Final[LiteralString] = (
    """
SELECT """
    + _COLUMNS
    + """
  FROM api_keys
 WHERE client_id = $1
   AND revoked_at IS NULL
 ORDER BY id
"""
)

SELECT_LIVE_API_KEY_MODE: Final[LiteralString] = (
    """
SELECT CASE WHEN test THEN 'test' ELSE 'live' END AS mode
  FROM api_keys
 WHERE id = $1
   AND client_id = $2
   AND """
    + _IS_LIVE
)

# LIMIT 1: each key's client is looked up by its id, however few clients there are. A test key acts as the test client of its account.
SELECT_BEARERS: Final[LiteralString] = (
    """
SELECT k.id, k.key_hash, k.test, k.scopes, k.expires_at, c.role, c.suspended,
       CASE WHEN k.test THEN (SELECT t.client_id FROM test_clients AS t WHERE t.account_id = k.client_id LIMIT 1)
            ELSE k.client_id END AS client_id,
       k.last_used_at IS NULL OR k.last_used_at < statement_timestamp() - $2::interval AS use_is_news
  FROM api_keys AS k
 CROSS JOIN LATERAL (
       SELECT CASE WHEN k.test THEN 'client' ELSE role END AS role, suspended_at IS NOT NULL AS suspended
         FROM clients WHERE id = k.client_id AND deleted_at IS NULL LIMIT 1
       ) AS c
 WHERE k.key_hash = ANY ($1::bytea[])
   AND """
    + _IS_LIVE
)

# Nobody waits for another process that notes the same.
UPDATE_LAST_USED: Final[LiteralString] = """
UPDATE api_keys
   SET last_used_at = statement_timestamp()
 WHERE id IN (SELECT id FROM api_keys WHERE id = ANY ($1::uuid[]) FOR NO KEY UPDATE SKIP LOCKED)
"""

# The new key is like the old one, and lives as long from now on as the old one was to from its beginning.
INSERT_ROTATED_API_KEY: Final[LiteralString] = (
    """
INSERT INTO api_keys (client_id, name, scopes, expires_at, lifetime, key_hash, last4, test)
SELECT client_id, name, scopes, statement_timestamp() + lifetime, lifetime, $3, $4, test
  FROM api_keys
 WHERE id = $1
   AND client_id = $2
   AND """
    + _IS_LIVE
    + """
   FOR UPDATE
RETURNING """
    + _COLUMNS
)

UPDATE_REPLACED_API_KEY: Final[LiteralString] = """
UPDATE api_keys
   SET expires_at = least(expires_at, statement_timestamp() + $2)
 WHERE id = $1
"""

REVOKE_API_KEY: Final[LiteralString] = """
UPDATE api_keys
   SET revoked_at = statement_timestamp()
 WHERE id = $1
   AND client_id = $2
   AND revoked_at IS NULL
RETURNING id
"""

DELETE_API_KEYS_OF_CLIENT: Final[LiteralString] = """
DELETE FROM api_keys
 WHERE client_id = $1
"""
