"""The acceptance desk: requests that wait share a commit, and nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app.core.ids import new_id
from app.db.database import DatabaseUnavailable, DataRefused
from app.models.clients import Caller
from app.models.status_updates import StatusUpdate, StatusUpdateRequest
from app.services.acceptance import Wish
from app.services.acceptance_desk import AcceptanceDesk
from app.services.backlog import Backlog
from app.services.errors import IdempotencyKeyReused, PostingNotFound
from tests.db.rows import CLIENT, Connection
from tests.services.queued import Postings


class HintsOfTheTest:
    """Where hints go when there is no Redis: the outside world of a service."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def hint(self, posting_ids: Sequence[int]) -> None:
        """Keep them."""
        self.given += posting_ids


@pytest.fixture
def hints() -> HintsOfTheTest:
    return HintsOfTheTest()


@pytest.fixture
def desk(postings: Postings, hints: HintsOfTheTest) -> AcceptanceDesk:
    return AcceptanceDesk(postings.database, hints, Backlog(limit=1_000))


@pytest.fixture
async def code(postings: Postings) -> str:
    """The tracking code of the first posting."""
    rows = await postings.database.reader.fetch("SELECT tracking_code FROM postings ORDER BY id")
    return str(rows[0]["tracking_code"])


def wish(code: str, *, repeatable: bool = False, **fields: Any) -> Wish:
    request = StatusUpdateRequest.model_construct(**{"status": "shipped", **fields})
    caller = Caller(id=CLIENT, role="client")
    return Wish(id=new_id(), caller=caller, tracking_code=code, request=request, repeatable=repeatable)


async def test_requests_that_wait_share_the_next_commit_in_the_order_of_arrival(
    desk: AcceptanceDesk, hints: HintsOfTheTest, connection: Connection, code: str
) -> None:
    wishes = [wish(code, description=f"scan {number:02}") for number in range(50)]
    await asyncio.gather(*(desk.accept([each]) for each in wishes))
    assert all(isinstance(each.outcome, StatusUpdate) for each in wishes)
    assert hints.given == [0] * 50
    stored = await connection.fetch("SELECT description, xmin::text FROM status_updates ORDER BY seq")
    assert [row["description"] for row in stored] == [f"scan {number:02}" for number in range(50)]
    # The first found nobody to wait for; all others came while it was on its way.
    assert len({row["xmin"] for row in stored}) <= 2


async def test_a_value_that_the_database_refuses_harms_only_its_own_request(
    desk: AcceptanceDesk, connection: Connection, code: str
) -> None:
    good, bad, other = wish(code), wish(code, city="\x00"), wish("EE876543216CA")
    answers = await asyncio.gather(*(desk.accept([each]) for each in (good, bad, other)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), DataRefused, type(None)]
    assert isinstance(good.outcome, StatusUpdate)
    assert isinstance(other.outcome, PostingNotFound)
    assert await connection.fetchval("SELECT array_agg(id) FROM status_updates") == [good.id]


async def test_the_same_wish_twice_in_one_round_is_one_update(
    desk: AcceptanceDesk, connection: Connection, code: str
) -> None:
    first, again, other = (wish(code, repeatable=True) for _ in range(3))
    again.id = other.id = first.id
    other.request = StatusUpdateRequest(status="delivered")
    await asyncio.gather(*(desk.accept([each]) for each in (first, again, other)))
    assert isinstance(first.outcome, StatusUpdate)
    assert isinstance(again.outcome, StatusUpdate)
    assert isinstance(other.outcome, IdempotencyKeyReused)
    assert await connection.fetchval("SELECT count(*) FROM status_updates") == 1


async def test_a_caller_that_goes_away_harms_nobody_else(desk: AcceptanceDesk, code: str) -> None:
    staying, leaving = wish(code, description="stays"), wish(code, description="leaves")
    waiting = asyncio.create_task(desk.accept([staying]))
    gone = asyncio.create_task(desk.accept([leaving]))
    await asyncio.sleep(0)
    gone.cancel()
    await waiting
    assert isinstance(staying.outcome, StatusUpdate)


async def test_when_the_database_is_gone_everybody_is_told(
    desk: AcceptanceDesk, connection: Connection, hints: HintsOfTheTest, code: str
) -> None:
    await connection.execute("ALTER TABLE status_updates RENAME TO gone")
    wishes = [wish(code) for _ in range(3)]
    answers = await asyncio.gather(*(desk.accept([each]) for each in wishes), return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 3
    assert hints.given == []
