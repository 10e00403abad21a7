"""What one client can put into the queue at once, however much and however awkward, is decided, and keeps no other waiting for ever."""

from typing import Final

from app.db.database import Database
from app.services.posting_lifecycle import MOST_STEPS
from app.workers.posting_decider import PostingDecider
from tests.db.rows import CLIENT, Connection
from tests.services.lives import Update, event
from tests.services.queued import Postings

_ASKED: Final = 20_000
# A life of as many steps as there may be, a minute apart, and its second step asked for again and again.
_LONG_LIFE: Final = """
WITH added AS (
    INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at, city, uf)
    SELECT id, n, client_id, gen_random_uuid(), 'shipped', posted_at + n * interval '1 minute', 'Campinas', 'SP'
      FROM postings CROSS JOIN generate_series(2, $1::integer) AS n
     WHERE id = 0
)
UPDATE postings
   SET status = 'shipped', shipped_at = posted_at + interval '2 minutes', status_at = posted_at + $1 * interval '1 minute', step_count = $1
 WHERE id = 0
"""
_REPETITIONS: Final = """
INSERT INTO status_updates (id, posting_id, client_id, status, occurred_at, city, uf)
SELECT gen_random_uuid(), 0, $1, 'shipped', posted_at + interval '2 minutes', 'Campinas', 'SP'
  FROM postings CROSS JOIN generate_series(1, $2)
 WHERE postings.id = 0
"""


async def test_a_flood_of_repetitions_of_an_early_step_is_decided_and_others_are_not_kept_waiting_for_it(
    postings: Postings, database: Database, connection: Connection
) -> None:
    await connection.execute(_LONG_LIFE, MOST_STEPS - 1)
    await connection.execute(_REPETITIONS, CLIENT, _ASKED)
    await postings.ask(Update(event("shipped", 1)), posting=1)
    decider = PostingDecider(database, max_attempts=1)
    await decider.decide([0, 1])
    assert (decider.applied, decider.refused) == (1, _ASKED)
    assert await postings.outcomes(1) == ["applied"]
    assert set(await postings.outcomes(0)) == {"already_recorded"}
