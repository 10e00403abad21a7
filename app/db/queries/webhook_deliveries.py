"""SQL on webhook deliveries and their attempts: the queue of what is owed, and the log of what became of it."""

from typing import Final, LiteralString

# $1 endpoints, locked before, and $2 how many may be taken for each; $3 for how long they are taken, $4 how many failed attempts let the
# later events of a posting go by.
#
# A delivery is blocked while another one of its posting is on its way to the endpoint, and while an earlier one waits for one of its first
# attempts. What is blocked by one that is to be tried again, or whose sender is given up, is put off until then: it would be looked at in
# vain each time, and enough of it would hide what it waits for. With the time goes when that was set: both begin anew where a clock was put
# back since.
CLAIM_DELIVERIES: Final[LiteralString] = """
WITH met AS MATERIALIZED (
    SELECT due.*, asked.room, blocking.id IS NOT NULL AS blocked,
           CASE WHEN blocking.state = 'waiting' OR blocking.due_at <= statement_timestamp() THEN blocking.due_at END AS until,
           blocking.due_set_at AS until_set_at
      FROM unnest($1::uuid[], $2::integer[]) AS asked (endpoint_id, room)
     CROSS JOIN LATERAL (
        SELECT id, endpoint_id, posting_id, step, due_at
          FROM webhook_deliveries AS candidate
         WHERE candidate.endpoint_id = asked.endpoint_id AND due_at <= statement_timestamp()
         ORDER BY due_at, step, id
         LIMIT asked.room + 250) AS due
      LEFT JOIN LATERAL (
        SELECT other.id, other.state, other.due_at, other.due_set_at
          FROM webhook_deliveries AS other
         WHERE other.endpoint_id = due.endpoint_id AND other.posting_id = due.posting_id AND other.due_at IS NOT NULL
           AND (other.state = 'sending' AND other.due_at > statement_timestamp()
                OR other.failures < $4 AND (other.step, other.id) < (due.step, due.id))
           AND other.id <> due.id
         ORDER BY other.step, other.id
         LIMIT 1) AS blocking ON true
), put_off AS (
    UPDATE webhook_deliveries AS delivery
       SET due_at = until, due_set_at = until_set_at
      FROM met
     WHERE delivery.id = met.id AND until > met.due_at AND delivery.due_at = met.due_at
), free AS (
    SELECT *, row_number() OVER (PARTITION BY endpoint_id, posting_id, CASE WHEN posting_id IS NULL THEN id END
                                 ORDER BY step, id) AS place_in_posting
      FROM met
     WHERE NOT blocked
), chosen AS (
    SELECT id, due_at, room, row_number() OVER (PARTITION BY endpoint_id ORDER BY due_at, step, id) AS place
      FROM free
     WHERE place_in_posting = 1
), claimed AS (
    UPDATE webhook_deliveries AS delivery
       SET state = 'sending', attempts = attempts + 1, due_at = statement_timestamp() + $3::interval,
           due_set_at = statement_timestamp()
      FROM chosen
     WHERE delivery.id = chosen.id AND delivery.due_at = chosen.due_at AND chosen.place <= chosen.room
    RETURNING delivery.*
)
SELECT claimed.id, claimed.endpoint_id, claimed.attempts, claimed.failures, claimed.type, claimed.created_at, claimed.step,
       claimed.posting_status, claimed.update_id, claimed.refusal, tracking_code, reference, accepted_at,
       coalesce(asked.status, recorded.status) AS status,
       CASE WHEN asked.id IS NULL THEN recorded.occurred_at ELSE asked.occurred_at END AS occurred_at, recorded_at,
       CASE WHEN asked.id IS NULL THEN recorded.city ELSE asked.city END AS city,
       CASE WHEN asked.id IS NULL THEN recorded.uf ELSE asked.uf END AS uf,
       CASE WHEN asked.id IS NULL THEN recorded.description ELSE asked.description END AS description
  FROM claimed
  LEFT JOIN postings ON postings.id = claimed.posting_id
  LEFT JOIN status_history AS recorded ON recorded.posting_id = claimed.posting_id AND recorded.seq = claimed.step
  LEFT JOIN status_updates AS asked ON asked.id = claimed.update_id
 ORDER BY claimed.due_at, claimed.id
"""

# $1 deliveries and $2 the number of the attempt that ended; how it ended ($3 to $7), and what the delivery is now: $8 its state, $9 in how
# long the next attempt is due. Whoever was given up meanwhile leaves its attempt in the log, and changes the delivery only for the better;
# what was recorded already, and repeated since its answer was lost, changes nothing.
RECORD_ATTEMPTS: Final[LiteralString] = """
WITH ended AS (
    SELECT *
      FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::integer[], $5::smallint[], $6::text[], $7::text[], $8::text[],
                  $9::interval[])
        AS ended (delivery_id, number, started_at, duration_ms, status, failure, body_start, state, due_in)
), recorded AS (
    INSERT INTO webhook_attempts (delivery_id, number, client_id, started_at, duration_ms, status, failure, body_start)
    SELECT delivery_id, number, client_id, started_at, duration_ms, status, failure, body_start
      FROM ended
      JOIN webhook_deliveries ON id = delivery_id
        ON CONFLICT DO NOTHING
)
UPDATE webhook_deliveries AS delivery
   SET state       = ended.state,
       failures    = failures + (ended.state <> 'delivered')::integer,
       due_at      = statement_timestamp() + due_in,
       due_set_at  = statement_timestamp(),
       finished_at = CASE WHEN due_in IS NULL THEN statement_timestamp() END
  FROM ended
 WHERE delivery.id = delivery_id AND delivery.due_at IS NOT NULL
   AND (delivery.state = 'sending' AND attempts = number OR ended.state = 'delivered')
"""

# What waits by a clock that was put back since: its wait begins anew, by the clock as it is. At most $1, and without what somebody else has
# in hand. A correction of less than a second is none.
RESTART_WAITS: Final[LiteralString] = """
WITH stray AS (
    SELECT id
      FROM webhook_deliveries
     WHERE due_at IS NOT NULL AND due_set_at > statement_timestamp() + interval '1 second'
     LIMIT $1
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webhook_deliveries AS delivery
   SET due_at = statement_timestamp() + (due_at - due_set_at), due_set_at = statement_timestamp()
  FROM stray
 WHERE delivery.id = stray.id
RETURNING delivery.id
"""

INSERT_TEST_DELIVERY: Final[LiteralString] = """
INSERT INTO webhook_deliveries (client_id, endpoint_id, type)
SELECT client_id, id, 'webhook.test'
  FROM webhook_endpoints
 WHERE id = $1 AND client_id = $2 AND deleted_at IS NULL
RETURNING id
"""

_PAGE: Final[LiteralString] = """
SELECT delivery.id, endpoint_id, type, tracking_code, step, state, attempts, due_at, delivery.finished_at, delivery.created_at
  FROM webhook_deliveries AS delivery
  JOIN webhook_endpoints AS endpoint ON endpoint.id = endpoint_id AND deleted_at IS NULL
  LEFT JOIN postings ON postings.id = posting_id
 WHERE delivery.client_id = $1
"""

# $2 and $3 filters (NULL: any), $4 where the last page ended, $5 the page's length; then what else the statement filters by.
_FILTERED_PAGE: Final[LiteralString] = (
    _PAGE
    + """
   AND ($2::uuid IS NULL OR endpoint_id = $2)
   AND ($3::text IS NULL OR type = $3)
   AND delivery.id < $4
"""
)
_NEWEST_FIRST: Final[LiteralString] = """
 ORDER BY delivery.id DESC
 LIMIT $5
"""

SELECT_WEBHOOK_DELIVERIES: Final[LiteralString] = (
    _FILTERED_PAGE
    + """
   AND ($6::text IS NULL OR state = $6)
"""
    + _NEWEST_FIRST
)

# Those that failed are few among many: said in so many words, so that their own index is known to have them all.
SELECT_FAILED_WEBHOOK_DELIVERIES: Final[LiteralString] = (
    _FILTERED_PAGE
    + """
   AND state = 'failed'
"""
    + _NEWEST_FIRST
)

# Those of one posting are found from the posting, its steps at each of the client's endpoints and its refusals: a code that is nobody's
# leads to none at once.
SELECT_WEBHOOK_DELIVERIES_OF_POSTING: Final[LiteralString] = (
    """
WITH asked AS MATERIALIZED (
    SELECT id FROM postings WHERE tracking_code = $7
), found AS MATERIALIZED (
    SELECT step.id
      FROM asked
      JOIN webhook_endpoints AS told ON told.client_id = $1 AND told.deleted_at IS NULL
      JOIN webhook_deliveries AS step ON step.endpoint_id = told.id AND step.posting_id = asked.id AND step.refusal IS NULL
     UNION ALL
    SELECT refused.id
      FROM asked
      JOIN webhook_deliveries AS refused ON refused.posting_id = asked.id AND refused.refusal IS NOT NULL
)
"""
    + _FILTERED_PAGE
    + """
   AND delivery.id IN (SELECT id FROM found)
   AND ($6::text IS NULL OR state = $6)
"""
    + _NEWEST_FIRST
)

SELECT_WEBHOOK_DELIVERY: Final[LiteralString] = (
    _PAGE
    + """
   AND delivery.id = $2
"""
)

SELECT_WEBHOOK_ATTEMPTS: Final[LiteralString] = """
SELECT number, started_at, duration_ms, status, failure, body_start
  FROM webhook_attempts
 WHERE delivery_id = $1 AND client_id = $2
 ORDER BY number
"""

# Sent again, under the same id, by a schedule that begins anew; what is being sent is left alone.
REDELIVER: Final[LiteralString] = """
UPDATE webhook_deliveries AS delivery
   SET state = 'waiting', failures = 0, due_at = statement_timestamp(), due_set_at = statement_timestamp(), finished_at = NULL
  FROM webhook_endpoints AS endpoint
 WHERE delivery.id = $2 AND delivery.client_id = $1 AND endpoint.id = endpoint_id AND deleted_at IS NULL AND state <> 'sending'
RETURNING delivery.id
"""

# $3 since when, $4 the smallest id that one of that time may have, $5 at most how many, the oldest first.
REDELIVER_FAILED: Final[LiteralString] = """
UPDATE webhook_deliveries
   SET state = 'waiting', failures = 0, due_at = statement_timestamp(), due_set_at = statement_timestamp(), finished_at = NULL
 WHERE state = 'failed'
   AND id IN (SELECT id
                FROM webhook_deliveries
               WHERE client_id = $1 AND endpoint_id = $2 AND state = 'failed' AND created_at >= $3 AND id >= $4
               ORDER BY id
               LIMIT $5)
RETURNING id
"""

# What ended and has an id smaller than $1 (ids begin with the time), and what is still owed to endpoints that were deleted; at most $2 of
# each. What is being sent just now stays until that is over: whoever sends it is about to write its attempt.
DELETE_OLD_DELIVERIES: Final[LiteralString] = """
WITH old AS (
    SELECT id
      FROM webhook_deliveries
     WHERE id < $1 AND due_at IS NULL
     ORDER BY id
     LIMIT $2
), undeliverable AS (
    SELECT delivery.id
      FROM webhook_endpoints AS endpoint
      JOIN webhook_deliveries AS delivery ON delivery.endpoint_id = endpoint.id AND delivery.due_at IS NOT NULL
     WHERE deleted_at IS NOT NULL AND (state = 'waiting' OR due_at <= statement_timestamp())
     LIMIT $2
)
DELETE FROM webhook_deliveries
 WHERE id IN (SELECT id FROM old UNION ALL SELECT id FROM undeliverable)
RETURNING id
"""
