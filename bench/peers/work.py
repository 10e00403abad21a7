"""The work that every peer does: the update that waits for a posting becomes a step, and is closed. One statement, one round trip.

A peer gets it for nothing that the statement is written for many postings: one message is a batch of one.
"""

import os
from typing import Final, LiteralString

DATABASE_URL: Final = os.environ.get("DATABASE_URL", "")
REDIS_URL: Final = os.environ.get("REDIS_URL", "")

# $1 the postings. The rule of the product, as far as SQL can say it in passing: what is finished does not move any more.
DECIDE: Final[LiteralString] = """
WITH waiting AS (
    SELECT id, posting_id, client_id, status, coalesce(occurred_at, accepted_at) AS occurred_at, city, uf, description
      FROM status_updates
     WHERE state = 'queued' AND posting_id = ANY ($1::bigint[])
), moved AS (
    UPDATE postings
       SET status     = waiting.status,
           status_at  = waiting.occurred_at,
           shipped_at = CASE waiting.status WHEN 'shipped' THEN coalesce(shipped_at, waiting.occurred_at) ELSE shipped_at END,
           step_count = step_count + 1
      FROM waiting
     WHERE postings.id = waiting.posting_id AND postings.status IN ('pending', 'shipped')
    RETURNING waiting.*, step_count
), written AS (
    INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at, city, uf, description)
    SELECT posting_id, step_count, client_id, id, status, occurred_at, city, uf, description
      FROM moved
)
UPDATE status_updates
   SET state = 'applied', decided_at = statement_timestamp()
  FROM moved
 WHERE status_updates.id = moved.id AND status_updates.state = 'queued'
"""
