"""Deciding what is queued: all of it, in order, once, whoever else is at it."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

import pytest

from app.db.database import Database
from app.db.queries import postings as sql
from app.models.status_updates import Event
from app.services.decision_service import (
    Decided,
    DecisionLost,
    count_failed_attempt,
    decide_queued_updates,
    first_queued,
)
from app.services.posting_lifecycle import MOST_STEPS
from tests.db.rows import CLIENT, Connection
from tests.services.lives import PENDING, POSTED, Update, at, event
from tests.services.queued import Postings
from tests.until import until

SHIPPED: Final = Update(event("shipped", 1))
SCANNED: Final = Update(event("shipped", 2, "Campinas"))
DELIVERED: Final = Update(event("delivered", 3))
CANCELLED: Final = Update(event("cancelled", 4))


async def test_several_updates_of_one_posting_are_folded_into_its_life(postings: Postings) -> None:
    await postings.ask(SHIPPED, SCANNED, DELIVERED)
    assert await postings.decide() == Decided(applied=3, changed=[0])
    assert await postings.outcomes() == ["applied"] * 3
    assert await postings.recorded() == [PENDING, SHIPPED.event, SCANNED.event, DELIVERED.event]
    assert await postings.stored() == {
        "status": "delivered",
        "status_at": at(3),
        "shipped_at": at(1),
        "delivered_at": at(3),
        "step_count": 4,
    }


async def test_a_posting_is_first_shipped_at_its_earliest_shipping_whenever_it_was_reported(postings: Postings) -> None:
    early, late = Update(event("shipped", 1)), Update(event("shipped", 3, "Santos"))
    for update, first in ((SCANNED, 2), (late, 2), (early, 1), (DELIVERED, 1)):
        await postings.ask(update)
        await postings.decide()
        assert (await postings.stored())["shipped_at"] == at(first)
    assert await postings.outcomes() == ["applied"] * 4


async def test_a_posting_that_was_not_shipped_has_no_time_of_shipping(postings: Postings) -> None:
    await postings.ask(DELIVERED)
    await postings.decide()
    assert (await postings.stored())["shipped_at"] is None


async def test_several_postings_are_decided_together(postings: Postings) -> None:
    for number, update in enumerate((SHIPPED, DELIVERED, CANCELLED)):
        await postings.ask(update, posting=number)
    assert await postings.decide(2, 0, 1, 1) == Decided(applied=3, changed=[0, 1, 2])
    assert [(await postings.stored(number))["status"] for number in range(3)] == ["shipped", "delivered", "cancelled"]


async def test_postings_that_were_not_named_are_left_alone(postings: Postings) -> None:
    await postings.ask(SHIPPED, posting=1)
    assert await postings.decide(0, 2) == Decided()
    assert await postings.outcomes(1) == ["queued"]


async def test_a_refusal_is_stored_with_its_reason_and_the_next_goes_on(postings: Postings) -> None:
    await postings.ask(SHIPPED, CANCELLED, DELIVERED)
    assert await postings.decide() == Decided(applied=2, refused=1, changed=[0])
    assert await postings.outcomes() == ["applied", "illegal_transition", "applied"]


async def test_a_posting_of_which_everything_is_refused_stays_as_it_was(postings: Postings) -> None:
    before = await postings.stored()
    await postings.ask(Update(event("pending", 1)), Update(event("shipped", -1)))
    assert await postings.decide() == Decided(refused=2)
    assert await postings.stored() == before
    assert await postings.recorded() == [PENDING]


async def test_what_was_accepted_first_is_decided_first(postings: Postings) -> None:
    cancelled, shipped = Update(event("cancelled", 5), timed=False), Update(event("shipped", 5), timed=False)
    await postings.ask(cancelled, shipped, posting=0)
    await postings.ask(shipped, cancelled, posting=1)
    await postings.decide(0, 1)
    assert await postings.outcomes(0) == ["applied", "illegal_transition"]
    assert await postings.outcomes(1) == ["applied", "illegal_transition"]
    assert [(await postings.stored(number))["status"] for number in (0, 1)] == ["cancelled", "shipped"]


async def test_a_late_update_takes_its_place_and_does_not_move_the_status_back(postings: Postings) -> None:
    await postings.ask(DELIVERED)
    await postings.decide()
    await postings.ask(SCANNED, SHIPPED)
    assert await postings.decide() == Decided(applied=2, changed=[0])
    assert await postings.history() == [PENDING, SHIPPED.event, SCANNED.event, DELIVERED.event]
    assert await postings.stored() == {
        "status": "delivered",
        "status_at": at(3),
        "shipped_at": at(1),
        "delivered_at": at(3),
        "step_count": 4,
    }


async def test_steps_are_numbered_in_the_order_of_recording(postings: Postings) -> None:
    for update in (DELIVERED, SCANNED, SHIPPED):
        await postings.ask(update)
        await postings.decide()
    assert await postings.recorded() == [PENDING, DELIVERED.event, SCANNED.event, SHIPPED.event]


async def test_an_update_without_a_time_happened_when_it_was_accepted(postings: Postings) -> None:
    await postings.ask(Update(event("shipped", 7), timed=False))
    await postings.decide()
    assert (await postings.stored())["status_at"] == at(7)


async def test_a_clock_that_steps_back_moves_no_step_before_another(postings: Postings) -> None:
    await postings.ask(Update(event("shipped", 7)), Update(event("delivered", 3), timed=False))
    assert await postings.decide() == Decided(applied=2, changed=[0])
    assert await postings.history() == [PENDING, event("shipped", 7), Event("delivered", at(7) + timedelta.resolution)]


async def test_a_full_history_refuses_the_next_step(postings: Postings, connection: Connection) -> None:
    await connection.execute(_FILL, MOST_STEPS, CLIENT, POSTED)
    await postings.ask(Update(event("delivered", 2000)))
    assert await postings.decide() == Decided(refused=1)
    assert await postings.outcomes() == ["history_full"]


_FILL: Final = """
WITH added AS (
    INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at, city)
    SELECT 0, n, $2, gen_random_uuid(), 'shipped', $3::timestamptz + n * interval '1 minute', 'Campinas'
      FROM generate_series(2, $1::integer) AS n
)
UPDATE postings SET status = 'shipped', shipped_at = posted_at, status_at = posted_at + interval '1 day', step_count = $1
 WHERE id = 0
"""


async def test_deciding_again_finds_nothing_to_do(postings: Postings) -> None:
    await postings.ask(SHIPPED, CANCELLED)
    await postings.decide()
    before = (await postings.stored(), await postings.recorded(), await postings.outcomes())
    assert await postings.decide() == Decided()
    assert (await postings.stored(), await postings.recorded(), await postings.outcomes()) == before


async def test_what_another_transaction_holds_is_skipped_and_not_waited_for(
    postings: Postings, database: Database
) -> None:
    await postings.ask(SHIPPED, posting=0)
    await postings.ask(SHIPPED, posting=1)
    async with database.transaction() as other:
        await other.fetch(sql.LOCK_POSTINGS, [0])
        assert await postings.decide(0, 1) == Decided(applied=1, changed=[1], skipped=[0])
    assert await postings.outcomes(0) == ["queued"]
    assert await postings.decide(0, 1) == Decided(applied=1, changed=[0])


async def test_updates_are_accepted_while_their_posting_is_decided(postings: Postings, database: Database) -> None:
    await postings.ask(SHIPPED)
    async with database.transaction() as deciding:
        await decide_queued_updates(deciding, [0])
        await asyncio.wait_for(postings.ask(DELIVERED), 5)
    assert await postings.outcomes() == ["applied", "queued"]
    assert await postings.decide() == Decided(applied=1, changed=[0])


async def test_what_is_accepted_after_the_lock_and_before_the_decision_is_decided_with_it(
    postings: Postings, database: Database
) -> None:
    await postings.ask(SHIPPED)
    async with database.transaction() as deciding:
        await deciding.fetch(sql.LOCK_POSTINGS, [0])
        await postings.ask(DELIVERED)
        assert await decide_queued_updates(deciding, [0]) == Decided(applied=2, changed=[0])


class _RolledBackError(Exception):
    """Raised so that nothing is left."""


async def test_a_decision_that_is_rolled_back_leaves_everything_queued(postings: Postings, database: Database) -> None:
    await postings.ask(SHIPPED, CANCELLED)
    with suppress(_RolledBackError):
        async with database.transaction() as deciding:
            assert await decide_queued_updates(deciding, [0]) == Decided(applied=1, refused=1, changed=[0])
            raise _RolledBackError
    assert await postings.outcomes() == ["queued", "queued"]
    assert await postings.recorded() == [PENDING]


async def test_a_row_decided_past_the_lock_is_noticed_and_nothing_is_written(
    postings: Postings, connection: Connection
) -> None:
    await postings.ask(SHIPPED)
    intruder = connection.transaction()
    await intruder.start()
    await connection.execute("UPDATE status_updates SET state = 'applied', decided_at = now()")
    deciding = asyncio.create_task(postings.decide())

    async def waits() -> bool:
        found: bool = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid)"
        )
        return found

    await until("the decision waits for the intruder", waits)
    await intruder.commit()
    with pytest.raises(DecisionLost):
        await deciding
    assert await postings.recorded() == [PENDING]


async def test_no_more_is_decided_at_once_than_may_be_and_what_is_left_is_told(postings: Postings) -> None:
    await postings.ask(SHIPPED, DELIVERED, posting=0)
    await postings.ask(CANCELLED, posting=1)
    assert await postings.decide(0, 1, 2, most=1) == Decided(applied=1, changed=[0], unfinished=[0], put_off=[1, 2])
    assert await postings.outcomes(0) == ["applied", "queued"]
    assert await postings.decide(0, 1, 2, most=2) == Decided(applied=2, changed=[0, 1], unfinished=[1], put_off=[2])
    assert await postings.decide(1, 2, most=1) == Decided()


async def test_no_more_steps_are_read_at_once_than_may_be_and_what_is_left_is_told(postings: Postings) -> None:
    for posting in (0, 1, 2):
        await postings.ask(SHIPPED, SCANNED, posting=posting)
    await postings.decide(0, 1, 2)
    early = Update(event("shipped", 1, "Santos"))
    for posting in (0, 1):
        await postings.ask(early, posting=posting)
    await postings.ask(DELIVERED, posting=2)
    assert await postings.decide(0, 1, 2, most_steps=5) == Decided(applied=2, changed=[0, 2], put_off=[1])
    assert await postings.outcomes(1) == ["applied", "applied", "queued"]
    # However few may be read: the first always has room.
    assert await postings.decide(1, most_steps=1) == Decided(applied=1, changed=[1])


async def test_failed_attempts_are_counted_until_the_update_is_a_dead_letter(
    postings: Postings, database: Database
) -> None:
    first, _ = await postings.ask(SHIPPED, DELIVERED)
    dead = []
    for _ in range(3):
        async with database.transaction() as transaction:
            dead.append(await count_failed_attempt(transaction, first, max_attempts=3))
    assert dead == [False, False, True]
    assert await postings.outcomes() == ["internal_error", "queued"]
    assert await postings.decide() == Decided(applied=1, changed=[0])


async def test_an_attempt_at_what_was_decided_meanwhile_is_not_counted_nor_against_what_waits_behind_it(
    postings: Postings, database: Database
) -> None:
    first, second = await postings.ask(SHIPPED, DELIVERED)
    assert await first_queued(database.reader, 0) == first
    await postings.decide(most=1)
    async with database.transaction() as transaction:
        assert await count_failed_attempt(transaction, first, max_attempts=1) is False
    assert await first_queued(database.reader, 0) == second
    assert await postings.outcomes() == ["applied", "queued"]


async def test_a_decision_tells_when_it_was_made(postings: Postings, connection: Connection) -> None:
    await postings.ask(SHIPPED, CANCELLED)
    await postings.decide()
    ages = await connection.fetch("SELECT now() - decided_at AS age FROM status_updates")
    assert all(timedelta(0) <= row["age"] < timedelta(minutes=1) for row in ages)
