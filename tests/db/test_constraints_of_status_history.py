"""What PostgreSQL itself refuses of the status history, whoever asks."""

from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from app.embedded.postgres import PostgresServer
from tests.db.rows import FIRST_STEP, POSTING, Connection, Refused, assert_refused, insert

_OTHER_POSTING: Final = {"id": 1, "tracking_code": "RR473124829GB"}


def _refused(constraint: str, wrong: str, *, after: dict[str, Any] | None = None, **changes: Any) -> Refused:
    return Refused(f"status_history_{constraint}", wrong, "status_history", changes, after=after)


REFUSED: Final = (
    _refused("first_step_has_posting", "a posting that does not exist", **{**FIRST_STEP, "posting_id": 7}),
    _refused("pkey", "a number given twice", after={}, update_id=UUID(int=11)),
    _refused("pkey", "a second beginning", **FIRST_STEP),
    _refused("no_holes", "a hole in its numbers", seq=3),
    _refused("no_holes", "a second step without a first", posting_id=7),
    _refused("seq_positive", "the number 0", seq=0),
    _refused("seq_positive", "a negative number", seq=-1),
    _refused("begins_pending", "a first step that is not pending", seq=1, update_id=None),
    _refused("begins_pending", "pending a second time", status="pending"),
    _refused("step_has_update", "a later step without an update", update_id=None),
    _refused("step_has_update", "a first step with an update", **{**FIRST_STEP, "update_id": UUID(int=10)}),
    _refused("update_id_key", "two steps for one update", after={}, seq=3),
    _refused("status_known", "an unknown status", status="lost"),
    _refused("city_length", "an empty city", city=""),
    _refused("city_length", "a long city", city="a" * 101),
    _refused("uf_shape", "a UF of three letters", uf="SPX"),
    _refused("uf_shape", "a UF in small letters", uf="sp"),
    _refused("description_length", "an empty description", description=""),
    _refused("description_length", "a long description", description="a" * 501),
)


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_no_history_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)


async def test_two_steps_for_one_update_are_refused_for_different_postings_too(known: Connection) -> None:
    await insert(known, "postings", _OTHER_POSTING)
    await insert(known, "status_history", {**FIRST_STEP, "posting_id": 1})
    again = Refused("status_history_update_id_key", "an update of another posting", "status_history", {"posting_id": 1})
    await insert(known, "status_history", {})
    await assert_refused(known, again)


CHANGES: Final = (
    "UPDATE status_history SET occurred_at = occurred_at + interval '1 hour'",
    "UPDATE status_history SET description = 'Entregue' WHERE posting_id = 7",
    "DELETE FROM status_history",
    "TRUNCATE status_history CASCADE",
    "TRUNCATE postings CASCADE",
)


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_owner_of_the_history_cannot_change_it(known: Connection, statement: str) -> None:
    assert await known.fetchval("SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'status_history'")
    with pytest.raises(asyncpg.RestrictViolationError, match="is never changed"):
        await known.execute(statement)


async def test_a_superuser_cannot_change_the_history_by_mistake(postgres: PostgresServer, database_url: str) -> None:
    server, name = postgres.superuser_url.rpartition("/")[0], database_url.rpartition("/")[2]
    superuser = await asyncpg.connect(f"{server}/{name}")
    try:
        assert await superuser.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        for statement in CHANGES:
            with pytest.raises(asyncpg.RestrictViolationError, match="is never changed"):
                await superuser.execute(statement)
    finally:
        await superuser.close()


async def test_a_step_cannot_be_overwritten_by_inserting_it_again(known: Connection) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="is never changed"):
        await known.execute(
            """
            INSERT INTO status_history (posting_id, seq, client_id, occurred_at, status)
            SELECT posting_id, seq, client_id, occurred_at, status FROM status_history WHERE posting_id = $1
                ON CONFLICT (posting_id, seq) DO UPDATE SET occurred_at = now()
            """,
            POSTING,
        )
