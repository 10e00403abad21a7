"""SQL on simulations: what the simulator has to do for test postings."""

from typing import Final, LiteralString

# $1 postings, $2 their scenarios, $3 how many seconds lie between two steps, $4 whether there are any steps.
INSERT_SIMULATIONS: Final[LiteralString] = """
INSERT INTO simulations (posting_id, scenario, pace_seconds, due_at)
SELECT posting_id, scenario, pace_seconds, CASE WHEN has_steps THEN statement_timestamp() + pace_seconds * interval '1 second' END
  FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::boolean[]) AS asked (posting_id, scenario, pace_seconds, has_steps)
"""

# $1 how many, $2 the scenarios that this release knows: others are for workers of a newer one.
SELECT_DUE_SIMULATIONS: Final[LiteralString] = """
SELECT posting_id, client_id, tracking_code, posted_at, scenario, position
  FROM simulations
  JOIN postings ON postings.id = posting_id
 WHERE due_at <= statement_timestamp() AND scenario = ANY ($2::text[])
 ORDER BY due_at
 LIMIT $1
"""

# $1 postings, $2 how many steps had been asked for before. What another process has in hand, it counts; what it has counted already is
# not counted twice.
UPDATE_SIMULATIONS: Final[LiteralString] = """
UPDATE simulations
   SET position = simulations.position + 1, due_at = statement_timestamp() + pace_seconds * interval '1 second'
  FROM (SELECT posting_id, asked.position
          FROM unnest($1::bigint[], $2::smallint[]) AS asked (posting_id, position)
          JOIN simulations AS known USING (posting_id)
         ORDER BY posting_id
           FOR UPDATE OF known SKIP LOCKED) AS free
 WHERE simulations.posting_id = free.posting_id AND simulations.position = free.position
"""

DELETE_SIMULATIONS: Final[LiteralString] = """
DELETE FROM simulations
 WHERE posting_id IN (SELECT posting_id FROM simulations WHERE posting_id = ANY ($1::bigint[]) FOR UPDATE SKIP LOCKED)
"""

# What is to be answered to whoever asks for an update of these postings.
SELECT_REFUSALS_AT_ONCE: Final[LiteralString] = """
SELECT posting_id, scenario
  FROM simulations
 WHERE posting_id = ANY ($1::bigint[]) AND due_at IS NULL
"""
