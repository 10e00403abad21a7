"""SQL on the status history: it is read and added to, never changed."""

from typing import Final, LiteralString

INSERT_STEPS: Final[LiteralString] = """
INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at, city, uf, description)
SELECT *
  FROM unnest($1::bigint[], $2::smallint[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[])
"""

# The rows come in the order they were written; posting_lifecycle.in_order puts them in the order they happened.
SELECT_STEPS: Final[LiteralString] = """
SELECT posting_id, seq, status, occurred_at, recorded_at, city, uf, description
  FROM status_history
 WHERE posting_id = ANY ($1::bigint[])
 ORDER BY posting_id, seq
"""
