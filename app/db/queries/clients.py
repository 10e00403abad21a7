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
 WHERE id = $1
"""

SELECT_CREDENTIALS: Final[LiteralString] = """
SELECT id, role, password_hash
  FROM clients
 WHERE email = $1
"""

UPDATE_CLIENT: Final[LiteralString] = """
UPDATE clients
   SET name     = CASE WHEN $2 THEN $3 ELSE name END,
       document = CASE WHEN $4 THEN $5 ELSE document END
 WHERE id = $1
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
