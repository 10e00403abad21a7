"""SQL on the status history: it is read and added to, never changed."""

from typing import Final, LiteralString

# The rows come in the order they were written; posting_lifecycle.in_order puts them in the order they happened.
SELECT_STEPS: Final[LiteralString] = """
SELECT posting_id, seq, status, occurred_at, recorded_at, city, uf, description
  FROM status_history
 WHERE posting_id = ANY ($1::bigint[])
 ORDER BY posting_id, seq
"""
