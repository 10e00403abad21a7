"""SQL on sessions: who is signed in."""

from typing import Final, LiteralString

# "No row" means that the password was changed since it was verified. What a client has is bounded by this alone: $7 is how many other
# sessions may go on; beyond that those end that nobody continued for longest, and those that are over are cleared away, so many of either
# at once that it takes a moment, whatever was left over. What is in other hands is passed over, not waited for.
INSERT_SESSION: Final[LiteralString] = """
WITH known AS (
    SELECT id FROM clients WHERE id = $2 AND password_hash = $3 FOR SHARE
), forgotten AS (
    SELECT id
      FROM sessions
     WHERE client_id = $2 AND expires_at < statement_timestamp()
     ORDER BY expires_at
     LIMIT 100
), beyond AS (
    SELECT id
      FROM sessions
     WHERE client_id = $2 AND expires_at >= statement_timestamp()
     ORDER BY expires_at DESC
    OFFSET $7
     LIMIT 100
), ending AS (
    SELECT id
      FROM sessions
     WHERE id = ANY (ARRAY(SELECT id FROM forgotten UNION ALL SELECT id FROM beyond))
       FOR UPDATE SKIP LOCKED
), ended AS (
    DELETE FROM sessions
     WHERE id = ANY (ARRAY(SELECT id FROM ending))
       AND EXISTS (SELECT FROM known)
)
INSERT INTO sessions (id, client_id, scopes, token_hashes, expires_at)
SELECT $1, id, $4, ARRAY[$5::bytea], statement_timestamp() + $6
  FROM known
RETURNING id
"""

# LIMIT 1: each session's client is looked up by its id, however few clients there are.
SELECT_SESSIONS: Final[LiteralString] = """
SELECT s.id, s.client_id, c.role, c.suspended
  FROM sessions AS s
 CROSS JOIN LATERAL (
       SELECT role, suspended_at IS NOT NULL AS suspended FROM clients WHERE id = s.client_id AND deleted_at IS NULL LIMIT 1
       ) AS c
 WHERE s.id = ANY ($1::uuid[])
"""

# $2 is for how long the answer to a refresh token that is spent may be asked for again.
LOCK_SESSION: Final[LiteralString] = """
SELECT s.client_id, c.role, c.suspended_at IS NOT NULL AS suspended, s.scopes, s.token_hashes, s.spent_hash,
       statement_timestamp() <= s.rotated_at + $2 AS just_rotated,
       statement_timestamp() > s.expires_at AS expired
  FROM sessions AS s
  JOIN clients AS c ON c.id = s.client_id
 WHERE s.id = $1
   AND c.deleted_at IS NULL
   FOR UPDATE OF s
"""

UPDATE_ROTATED_SESSION: Final[LiteralString] = """
UPDATE sessions
   SET token_hashes = ARRAY[$3::bytea],
       spent_hash   = $2,
       rotated_at   = statement_timestamp(),
       expires_at   = statement_timestamp() + $4
 WHERE id = $1
"""

UPDATE_REPEATED_SESSION: Final[LiteralString] = """
UPDATE sessions
   SET token_hashes = token_hashes || $2::bytea
 WHERE id = $1
"""

DELETE_SESSION: Final[LiteralString] = """
DELETE FROM sessions
 WHERE id = $1
RETURNING client_id
"""

DELETE_SESSION_OF_REFRESH_TOKEN: Final[LiteralString] = """
DELETE FROM sessions
 WHERE id = $1
   AND ($2 = ANY (token_hashes) OR $2 = spent_hash)
RETURNING client_id
"""

DELETE_SESSIONS_OF_CLIENT: Final[LiteralString] = """
DELETE FROM sessions
 WHERE client_id = $1
"""
