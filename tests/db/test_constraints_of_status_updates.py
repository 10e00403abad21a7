"""What PostgreSQL itself refuses of status updates, whoever asks."""

from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from tests.db.rows import LATER, POSTED, VALID, Connection, Refused, assert_refused, insert


def _refused(constraint: str, wrong: str, *, after: dict[str, Any] | None = None, **changes: Any) -> Refused:
    return Refused(f"status_updates_{constraint}", wrong, "status_updates", changes, after=after)


REFUSED: Final = (
    _refused("pkey", "an id given twice", after={}),
    _refused("posting_id_fkey", "a posting that does not exist", posting_id=7),
    _refused("requested_by_fkey", "a caller that does not exist", requested_by=UUID(int=2)),
    _refused("status_known", "an unknown status", status="lost"),
    _refused("state_known", "an unknown state", state="decided", decided_at=POSTED),
    _refused("decided_has_time", "a decision while it is queued", decided_at=POSTED),
    _refused("decided_has_time", "an application at no time", state="applied"),
    _refused("decided_has_time", "a refusal at no time", state="refused", refusal="out_of_sequence"),
    _refused("refused_has_reason", "a refusal without a reason", state="refused", decided_at=POSTED),
    _refused("refused_has_reason", "a reason while it is queued", refusal="out_of_sequence"),
    _refused("refused_has_reason", "a reason though applied", state="applied", decided_at=POSTED, refusal="internal"),
    _refused("refusal_shape", "a sentence as reason", state="refused", decided_at=POSTED, refusal="Out of sequence."),
    _refused("refusal_shape", "an empty reason", state="refused", decided_at=POSTED, refusal=""),
    _refused("city_length", "an empty city", city=""),
    _refused("city_length", "a long city", city="a" * 101),
    _refused("uf_shape", "a UF of three letters", uf="SPX"),
    _refused("uf_shape", "a UF in small letters", uf="sp"),
    _refused("description_length", "an empty description", description=""),
    _refused("description_length", "a long description", description="a" * 501),
)


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_no_status_update_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"state": "applied", "decided_at": LATER},
        {"state": "refused", "decided_at": LATER, "refusal": "out_of_sequence"},
    ],
    ids=["queued", "applied", "refused"],
)
async def test_a_status_update_may_be(known: Connection, row: dict[str, object]) -> None:
    await insert(known, "status_updates", row)


async def test_nobody_can_choose_the_place_of_an_update_in_the_order_of_acceptance(known: Connection) -> None:
    with pytest.raises(asyncpg.GeneratedAlwaysError):
        await insert(known, "status_updates", {"seq": 1})


async def test_updates_are_numbered_in_the_order_of_acceptance(known: Connection) -> None:
    for number in (30, 20, 10):
        await insert(known, "status_updates", {"id": UUID(int=number)})
    rows = await known.fetch("SELECT id FROM status_updates ORDER BY seq")
    assert [row["id"].int for row in rows] == [30, 20, 10]


async def test_a_posting_with_updates_cannot_be_deleted(known: Connection) -> None:
    await insert(known, "postings", {"id": 1, "tracking_code": "RR473124829GB"})
    await insert(known, "status_updates", {**VALID["status_updates"], "posting_id": 1})
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refused:
        await known.execute("DELETE FROM postings WHERE id = 1")
    assert refused.value.constraint_name == "status_updates_posting_id_fkey"
