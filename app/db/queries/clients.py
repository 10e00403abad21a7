"""SQL on clients."""

from typing import Final, LiteralString

# "No row" means that the e-mail belongs to somebody already.
INSERT_CLIENT: Final[LiteralString] = """
INSERT INTO clients (role, name, email, document, password_hash)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (email) DO NOTHING
RETURNING id, role, name, email, document, created_at
"""

SELECT_CLIENT: Final[LiteralString] = """
SELECT id, role, name, email, document, created_at
  FROM clients
 WHERE id = $1 AND deleted_at IS NULL
"""

# What an account's test keys act as: the same client each time, which has a name that is none and lets nobody sign in.
INSERT_TEST_CLIENT: Final[LiteralString] = """
WITH missing AS (
    SELECT uuidv7() AS id WHERE NOT EXISTS (SELECT FROM test_clients WHERE account_id = $1)
), made AS (
    INSERT INTO clients (id, name, email, password_hash)
    SELECT id, '(test)', 'test-' || id || '@test.invalid', '-' FROM missing
    RETURNING id
)
INSERT INTO test_clients (account_id, client_id)
SELECT $1, id FROM made
"""

SELECT_TEST_CLIENT: Final[LiteralString] = """
SELECT client_id
  FROM test_clients
 WHERE account_id = $1
"""

SELECT_CREDENTIALS: Final[LiteralString] = """
SELECT id, role, password_hash, suspended_at
  FROM clients
 WHERE email = $1
"""

UPDATE_CLIENT: Final[LiteralString] = """
UPDATE clients
   SET name     = CASE WHEN $2 THEN $3 ELSE name END,
       document = CASE WHEN $4 THEN $5 ELSE document END
 WHERE id = $1 AND deleted_at IS NULL
RETURNING id, role, name, email, document, created_at
"""

SELECT_PASSWORD_HASH: Final[LiteralString] = """
SELECT password_hash
  FROM clients
 WHERE id = $1
"""

# "No row" means that the password was changed since it was verified.
UPDATE_PASSWORD: Final[LiteralString] = """
UPDATE clients
   SET password_hash = $3
 WHERE id = $1
   AND password_hash = $2
RETURNING id
"""

_MANAGED: Final[LiteralString] = "\n       id, role, name, email, document, created_at, suspended_at, deleted_at\n"
_IS_ACCOUNT: Final[LiteralString] = "NOT EXISTS (SELECT FROM test_clients WHERE client_id = clients.id)"

# $1 to $3 the filters (NULL: any), $4 where the last page ended, $5 the page's length. Ids are in the order of time.
SELECT_CLIENTS: Final[LiteralString] = (
    """
SELECT"""
    + _MANAGED
    + """  FROM clients
 WHERE ($1::text IS NULL OR role = $1)
   AND ($2::text IS NULL
        OR CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN suspended_at IS NULL THEN 'active' ELSE 'suspended' END = $2)
   AND ($3::text IS NULL OR position(lower($3) IN lower(name)) > 0 OR position(lower($3) IN email) > 0
        OR document = upper(translate($3, './-', '')))
   AND id < $4
   AND """
    + _IS_ACCOUNT
    + """
 ORDER BY id DESC
 LIMIT $5
"""
)

SELECT_MANAGED_CLIENT: Final[LiteralString] = (
    """
SELECT"""
    + _MANAGED
    + """  FROM clients
 WHERE id = $1 AND """
    + _IS_ACCOUNT
)

# "No row" means that there is no such client, or that it is suspended or deleted already.
SUSPEND_CLIENT: Final[LiteralString] = (
    """
UPDATE clients
   SET suspended_at = statement_timestamp()
 WHERE id = $1 AND suspended_at IS NULL AND deleted_at IS NULL AND """
    + _IS_ACCOUNT
    + """
RETURNING"""
    + _MANAGED
)

# "No row" means that there is no such client, or that it is not suspended.
RESTORE_CLIENT: Final[LiteralString] = (
    """
UPDATE clients
   SET suspended_at = NULL
 WHERE id = $1 AND suspended_at IS NOT NULL
RETURNING"""
    + _MANAGED
)

# What else is written for this client at the same time waits: its number stays the same, and its account does not end meanwhile.
LOCK_CLIENT: Final[LiteralString] = """
SELECT id
  FROM clients
 WHERE id = $1 AND deleted_at IS NULL
   FOR NO KEY UPDATE
"""
