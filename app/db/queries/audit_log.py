"""SQL on the audit log: it is read and added to, never changed."""

from typing import Final, LiteralString

# $1 who, $2 from where, $3 what, $4 to whose account, $5 what else is to be known of it, as JSON.
INSERT_AUDIT_EVENT: Final[LiteralString] = """
INSERT INTO audit_log (actor_id, address, action, client_id, details)
VALUES ($1, $2::text::inet, $3, $4, $5::text::jsonb)
"""

# $1 to $5 the filters (NULL: any), $6 where the last page ended, $7 the page's length. Ids are in the order of time.
SELECT_AUDIT_EVENTS: Final[LiteralString] = """
SELECT id, occurred_at, actor_id, host(address) AS address, action, client_id, details
  FROM audit_log
 WHERE ($1::text IS NULL OR action = $1)
   AND ($2::uuid IS NULL OR actor_id = $2)
   AND ($3::uuid IS NULL OR client_id = $3)
   AND ($4::timestamptz IS NULL OR occurred_at >= $4)
   AND ($5::timestamptz IS NULL OR occurred_at < $5)
   AND id < $6
 ORDER BY id DESC
 LIMIT $7
"""
