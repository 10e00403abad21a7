"""SQL on status updates: the queue and its outcome."""

from typing import Final, LiteralString

_SELECT: Final[LiteralString] = """
SELECT status_updates.id, seq, posting_id, tracking_code, status_updates.status, occurred_at, city, uf,
       status_updates.description, state, refusal, accepted_at, decided_at
  FROM status_updates
  JOIN postings ON postings.id = posting_id
 WHERE """

# $1 tracking codes, $2 their owners (NULL for an operator, who sees no test world), $3 the times asked for: what the rule needs to refuse
# at once.
SELECT_POSTINGS_ASKED_FOR: Final[LiteralString] = """
SELECT asked.position, posting_id, status, status_at, posted_at,
       asked.occurred_at > statement_timestamp() + interval '5 minutes' AS ahead_of_time
  FROM unnest((SELECT $1::text[]), $2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS asked (code, owner, occurred_at, position)
 CROSS JOIN LATERAL (
       SELECT id AS posting_id, status, status_at, posted_at
         FROM postings
        WHERE tracking_code = code AND (client_id = owner OR owner IS NULL AND NOT test)
        LIMIT 1) AS posting
"""

# "No row" means that the id is taken (the same Idempotency-Key came before), or that somebody else's transaction holds the posting.
# The foreign key would wait for that one, and everybody who shares this statement with it: here it is passed over instead.
_INSERT: Final[LiteralString] = """
INSERT INTO status_updates (id, posting_id, client_id, requested_by, status, occurred_at, city, uf, description)
SELECT asked.id, posting_id, client_id, requested_by, status, occurred_at, city, uf, description
  FROM unnest((SELECT $1::uuid[]), $2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
       WITH ORDINALITY
    AS asked (id, posting_id, requested_by, status, occurred_at, city, uf, description, position)
 CROSS JOIN LATERAL (
       SELECT client_id FROM postings WHERE postings.id = posting_id LIMIT 1 FOR KEY SHARE SKIP LOCKED) AS free"""
_IN_ORDER: Final[LiteralString] = """
 ORDER BY position
    ON CONFLICT (id) DO NOTHING
RETURNING id, accepted_at
"""
INSERT_STATUS_UPDATES: Final[LiteralString] = _INSERT + _IN_ORDER
# A transaction by itself, with the bounds of Database.write: $9 for its locks, $10 for all of it.
INSERT_STATUS_UPDATES_AT_ONCE: Final[LiteralString] = (
    _INSERT
    + """
 CROSS JOIN (SELECT set_config('lock_timeout', $9, true), set_config('transaction_timeout', $10, true)) AS bounds"""
    + _IN_ORDER
)

# $1 ids, $2 who asked for each: an update is found again only by whoever asked for it, which is its owner where nobody else is named.
SELECT_STATUS_UPDATES_BY_ID: Final[LiteralString] = (
    _SELECT
    + "(status_updates.id, coalesce(requested_by, status_updates.client_id)) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))"
)

# $2 the owner; NULL for an operator, who sees no test world.
SELECT_STATUS_UPDATE: Final[LiteralString] = (
    _SELECT
    + "status_updates.id = $1 AND (status_updates.client_id = $2 OR $2::uuid IS NULL AND NOT status_updates.test)"
)

_OF_CLIENT: Final[LiteralString] = "status_updates.client_id = $1"
_OF_ALL: Final[LiteralString] = "$1::uuid IS NULL AND NOT status_updates.test"
# Of the queue, which is bounded, and not of the table: whatever the planner believes to be queued, an empty queue is an empty page at once.
_QUEUED: Final[LiteralString] = """
   AND seq = ANY (ARRAY(SELECT seq FROM status_updates WHERE state = 'queued'))
"""
_REFUSED: Final[LiteralString] = """
   AND state = 'refused'
"""
# Each is in one of three places: applied in the history, or in an index of those that are not. One index of all would cost every accept.
_POSTING: Final[LiteralString] = "posting_id = (SELECT id FROM postings WHERE tracking_code = $3)"
_OF_POSTING: Final[LiteralString] = (
    """
   AND tracking_code = $3
   AND status_updates.id = ANY (ARRAY(
           SELECT update_id FROM status_history WHERE """
    + _POSTING
    + """
            UNION ALL
           SELECT id FROM status_updates WHERE state = 'queued' AND """
    + _POSTING
    + """
            UNION ALL
           SELECT id FROM status_updates WHERE state = 'refused' AND """
    + _POSTING
    + """))
"""
)
_FILTERED: Final[LiteralString] = """
   AND ($2::text IS NULL OR state = $2)
   AND ($3::text IS NULL OR tracking_code = $3)
   AND ($4::text IS NULL OR refusal = $4)
   AND seq < $5
 ORDER BY seq DESC
 LIMIT $6
"""

# $1 the owner, $2 to $4 the filters (NULL: any), $5 where the last page ended, $6 the page's length. One statement for each kind of page
# and audience, so that each is planned for the index it reads; an operator sees no test world.
SELECT_STATUS_UPDATES: Final[LiteralString] = _SELECT + _OF_CLIENT + _FILTERED
SELECT_STATUS_UPDATES_QUEUED: Final[LiteralString] = _SELECT + _OF_CLIENT + _QUEUED + _FILTERED
SELECT_STATUS_UPDATES_REFUSED: Final[LiteralString] = _SELECT + _OF_CLIENT + _REFUSED + _FILTERED
SELECT_STATUS_UPDATES_OF_POSTING: Final[LiteralString] = _SELECT + _OF_CLIENT + _OF_POSTING + _FILTERED
SELECT_ALL_STATUS_UPDATES: Final[LiteralString] = _SELECT + _OF_ALL + _FILTERED
SELECT_ALL_STATUS_UPDATES_QUEUED: Final[LiteralString] = _SELECT + _OF_ALL + _QUEUED + _FILTERED
SELECT_ALL_STATUS_UPDATES_REFUSED: Final[LiteralString] = _SELECT + _OF_ALL + _REFUSED + _FILTERED
SELECT_ALL_STATUS_UPDATES_OF_POSTING: Final[LiteralString] = _SELECT + _OF_ALL + _OF_POSTING + _FILTERED

# A new statement after the lock, so it sees every update that was accepted before it, in the order of acceptance; $2 of them at most.
SELECT_QUEUED_UPDATES: Final[LiteralString] = """
SELECT id, posting_id, status, occurred_at, accepted_at, city, uf, description
  FROM status_updates
 WHERE state = 'queued' AND posting_id = ANY ($1::bigint[])
 ORDER BY posting_id, seq
 LIMIT $2
"""

# $1 updates, $2 why each is refused (NULL: applied), $3 the number of its step (of a refused one: of the last step) and $4 its time (NULL:
# when it was accepted), $5 whether it is a scan, $6 the posting's status after it (NULL: its own). What the step says stands in the update,
# and what becomes of the posting in its steps: whatever of that is sent costs the sender more than PostgreSQL.
# Guarded by the state it expects: the caller compares the count. The state stands in a subquery to keep the planner off the index of
# queued rows: where it was analysed while nothing was queued it seems to cost nothing, and with a full queue each batch reads all of it.
UPDATE_DECIDED: Final[LiteralString] = """
WITH closed AS (
    UPDATE status_updates
       SET state = CASE WHEN decided.refusal IS NULL THEN 'applied' ELSE 'refused' END,
           refusal = decided.refusal,
           decided_at = statement_timestamp()
      FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::timestamptz[], $5::boolean[], $6::text[])
        AS decided (id, refusal, step, happened_at, scan, posting_status)
     WHERE status_updates.id = decided.id AND state = (SELECT 'queued')
    RETURNING status_updates.id, posting_id, client_id, status, city, uf, description, decided.refusal, step,
              coalesce(happened_at, accepted_at) AS happened_at, coalesce(posting_status, status) AS posting_status,
              CASE WHEN decided.refusal IS NOT NULL THEN 'status_update.refused'
                   WHEN scan THEN 'posting.scanned' ELSE 'posting.status_changed' END AS event
), recorded AS (
    INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at, city, uf, description)
    SELECT posting_id, step, client_id, id, status, happened_at, city, uf, description
      FROM closed
     WHERE refusal IS NULL
), moved AS (
    UPDATE postings
       SET status = life.status,
           status_at = greatest(postings.status_at, life.status_at),
           shipped_at = least(postings.shipped_at, life.shipped_at),
           step_count = life.step_count
      FROM (SELECT posting_id, max(step) AS step_count, max(happened_at) AS status_at,
                   (array_agg(posting_status ORDER BY step DESC))[1] AS status,
                   min(happened_at) FILTER (WHERE status = 'shipped') AS shipped_at
              FROM closed
             WHERE refusal IS NULL
             GROUP BY posting_id) AS life
     WHERE postings.id = life.posting_id
), owed AS (
    INSERT INTO webhook_deliveries (client_id, endpoint_id, type, posting_id, step, posting_status, update_id, refusal)
    SELECT closed.client_id, endpoint.id, event, posting_id, step, posting_status,
           CASE WHEN refusal IS NOT NULL THEN closed.id END, refusal
      FROM closed
      JOIN webhook_endpoints AS endpoint ON endpoint.client_id = closed.client_id
     WHERE enabled AND event = ANY (event_types) AND (statuses IS NULL OR status = ANY (statuses))
)
SELECT count(*) FROM closed
"""

# What no hint brought: postings with an update that has waited for longer than $1, or that seems to come from the future, since the
# clock stepped back after it. Beginning after $2 and going round, so that no posting is always first.
SWEEP_QUEUED_UPDATES: Final[LiteralString] = """
SELECT DISTINCT posting_id
  FROM status_updates
 WHERE state = 'queued' AND posting_id > $2
   AND accepted_at NOT BETWEEN statement_timestamp() - $1::interval AND statement_timestamp()
 ORDER BY posting_id
 LIMIT $3
"""

# An attempt that failed on data: counted here, so that it counts whichever worker meets it next. The last one ends as a refusal.
UPDATE_ATTEMPTS: Final[LiteralString] = """
WITH counted AS (
    UPDATE status_updates
       SET attempts = attempts + 1,
           state = CASE WHEN attempts + 1 >= $2 THEN 'refused' ELSE state END,
           refusal = CASE WHEN attempts + 1 >= $2 THEN 'internal_error' END,
           decided_at = CASE WHEN attempts + 1 >= $2 THEN statement_timestamp() END
     WHERE id = $1 AND state = 'queued'
    RETURNING id, posting_id, client_id, status, attempts, state, refusal
), owed AS (
    INSERT INTO webhook_deliveries (client_id, endpoint_id, type, posting_id, step, posting_status, update_id, refusal)
    SELECT counted.client_id, endpoint.id, 'status_update.refused', postings.id, step_count, postings.status, counted.id, refusal
      FROM counted
      JOIN postings ON postings.id = counted.posting_id
      JOIN webhook_endpoints AS endpoint ON endpoint.client_id = counted.client_id
     WHERE state = 'refused' AND enabled AND 'status_update.refused' = ANY (event_types)
       AND (statuses IS NULL OR counted.status = ANY (statuses))
)
SELECT id, attempts, state FROM counted
"""

# What operators look after: test worlds are nobody's business.
SELECT_QUEUE: Final[LiteralString] = """
SELECT count(*) AS queued, min(accepted_at) AS oldest_accepted_at,
       (SELECT count(*) FROM status_updates WHERE refusal = 'internal_error' AND NOT test) AS dead_letters
  FROM status_updates
 WHERE state = 'queued' AND NOT test
"""

# Counts no further than $1: what a full queue costs is bounded, and an empty one costs nothing.
COUNT_QUEUED_UPDATES: Final[LiteralString] = """
SELECT count(*) AS queued
  FROM (SELECT FROM status_updates WHERE state = 'queued' LIMIT $1) AS waiting
"""

# Only what ended by an error of ours is queued again: a refusal by the rule stays refused.
REDRIVE_DEAD_LETTERS: Final[LiteralString] = """
UPDATE status_updates
   SET state = 'queued', refusal = NULL, decided_at = NULL, attempts = 0
 WHERE refusal = 'internal_error' AND NOT test AND ($1::uuid[] IS NULL OR id = ANY ($1))
RETURNING id, posting_id
"""

# In the pages of the table from $1 to before $2 (each row is looked for where it lies: an index by time would cost every accept), what was
# decided longer ago than $3. A dead letter waits for an operator, and what a webhook tells of stays with it. What somebody has in hand is
# passed over, so that nobody waits for anybody. `pages`: how many the table has.
DELETE_OLD_STATUS_UPDATES: Final[LiteralString] = """
WITH old AS (
    SELECT ctid AS place
      FROM status_updates
     WHERE ctid >= $1::tid AND ctid < $2::tid
       AND decided_at < statement_timestamp() - $3::interval AND refusal IS DISTINCT FROM 'internal_error'
       AND NOT EXISTS (SELECT FROM webhook_deliveries WHERE update_id = status_updates.id)
       FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM status_updates
     WHERE ctid = ANY (ARRAY(SELECT place FROM old))
    RETURNING id
)
SELECT (SELECT count(*) FROM deleted) AS deleted,
       pg_relation_size('status_updates') / current_setting('block_size')::integer AS pages
"""
