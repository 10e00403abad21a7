"""The acceptance desk: requests that wait share a commit, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from app.core.ids import new_id
from app.db.connection import open_database
from app.db.database import CommitUnknown, DatabaseBusy, DatabaseUnavailable, DataRefused
from app.models.clients import Caller
from app.models.status_updates import StatusUpdate, StatusUpdateRequest
from app.services import acceptance_desk
from app.services.acceptance import Wish
from app.services.acceptance_desk import AcceptanceDesk
from app.services.backlog import Backlog
from app.services.errors import IdempotencyKeyReused, Overloaded, PostingHeld, PostingNotFound
from tests.db.rows import CLIENT, Connection, insert
from tests.proxy import Proxy, proxy_to
from tests.services.queued import Postings
from tests.until import until

_ROUNDS_UNDER_WAY = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
 WHERE NOT granted AND relation = 'postings'::regclass AND datname = current_database()
"""

OPERATOR = Caller(id=UUID(int=8), role="operator")
STRANGER = Caller(id=UUID(int=9), role="operator")


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


def _as_stored_before(asked: Wish) -> dict[str, object]:
    """As the releases before stored a wish for the first posting: they named its owner too."""
    return {"id": asked.id, "requested_by": asked.caller.id}


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


@pytest.mark.parametrize(
    "sizes",
    [(60.0, 1, 24), (60.0, 60, 30), (0.001, 6, 3)],
    ids=["beside few, many", "beside many, half as many", "beside what takes long, half as many"],
)
async def test_a_round_begins_before_the_last_is_over_when_enough_wait(
    desk: AcceptanceDesk,
    connection: Connection,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    sizes: tuple[float, int, int],
) -> None:
    long_seconds, in_hand, enough = sizes
    monkeypatch.setattr(acceptance_desk, "_LONG_SECONDS", long_seconds)

    async def rounds_under_way() -> bool:
        return bool(await connection.fetchval(_ROUNDS_UNDER_WAY) == expected)

    async with connection.transaction():
        await connection.execute("LOCK TABLE postings")
        first = [wish(code) for _ in range(in_hand)]
        later = [wish(code) for _ in range(enough)]
        asked = [asyncio.create_task(desk.accept(first))]
        expected = 1
        await until("the first is under way", rounds_under_way)
        asked += [asyncio.create_task(desk.accept([each])) for each in later[:-1]]
        await asyncio.sleep(0.05)
        assert await rounds_under_way()
        asked.append(asyncio.create_task(desk.accept(later[-1:])))
        expected = 2
        await until("the second is under way", rounds_under_way)
    await asyncio.gather(*asked)
    stored = await connection.fetch("SELECT id, xmin::text FROM status_updates")
    of_round = {xmin: {row["id"] for row in stored if row["xmin"] == xmin} for xmin in {row["xmin"] for row in stored}}
    assert {frozenset(ids) for ids in of_round.values()} == {
        frozenset(each.id for each in together) for together in (first, later)
    }


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


async def test_an_update_names_who_asked_for_it_where_that_is_not_the_owner(
    desk: AcceptanceDesk, connection: Connection, code: str
) -> None:
    await insert(connection, "clients", {"id": OPERATOR.id, "role": "operator", "email": "ana@postagens.com.br"})
    owners, operators = wish(code, repeatable=True), wish(code, repeatable=True)
    operators.caller = OPERATOR
    await desk.accept([owners, operators])
    stored = await connection.fetch("SELECT id, requested_by FROM status_updates")
    assert {row["id"]: row["requested_by"] for row in stored} == {owners.id: None, operators.id: OPERATOR.id}
    for mine in (owners, operators):
        again, others = (Wish(mine.id, caller, code, mine.request, True) for caller in (mine.caller, STRANGER))
        await desk.accept([again])
        assert isinstance(again.outcome, StatusUpdate)
        assert again.outcome.id == mine.id
        await desk.accept([others])
        assert isinstance(others.outcome, PostingHeld)


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


async def test_a_key_that_is_being_used_elsewhere_is_waited_for_a_moment_and_not_longer(
    desk: AcceptanceDesk, connection: Connection, code: str
) -> None:
    """Whoever holds it in the unique index may have been frozen in the middle."""
    mine = wish(code, repeatable=True)
    async with connection.transaction():
        await insert(connection, "status_updates", _as_stored_before(mine))
        began = time.monotonic()
        with pytest.raises(DatabaseBusy):
            await desk.accept([mine])
        assert 1 <= time.monotonic() - began < 2.5
    assert await connection.fetchval("SELECT current_setting('lock_timeout')") == "0"
    await desk.accept([mine])
    assert isinstance(mine.outcome, StatusUpdate)
    for setting in ("lock_timeout", "transaction_timeout"):
        rows = await asyncio.gather(*(desk._database.reader.fetch(f"SHOW {setting}") for _ in range(3)))
        assert {row[setting] for (row,) in rows} == {"0"}


async def test_a_round_that_is_held_up_holds_up_nobody(desk: AcceptanceDesk, connection: Connection, code: str) -> None:
    mine = wish(code, repeatable=True)
    async with connection.transaction():
        await insert(connection, "status_updates", _as_stored_before(mine))
        held_up = asyncio.create_task(desk.accept([mine]))
        await asyncio.sleep(0.01)
        await desk.accept([wish(code)])
        assert not held_up.done()
    await held_up


async def test_a_posting_that_is_held_holds_up_nobody(
    desk: AcceptanceDesk, postings: Postings, connection: Connection
) -> None:
    rows = await postings.database.reader.fetch("SELECT id, tracking_code FROM postings ORDER BY id")
    held, *free = [wish(row["tracking_code"]) for row in rows]
    async with connection.transaction():
        await connection.execute("SELECT FROM postings WHERE id = $1 FOR UPDATE", rows[0]["id"])
        await asyncio.gather(*(desk.accept([each]) for each in (held, *free)))
    assert isinstance(held.outcome, PostingHeld)
    assert all(isinstance(each.outcome, StatusUpdate) for each in free)
    held.outcome = None
    await desk.accept([held])
    assert isinstance(held.outcome, StatusUpdate)


async def test_what_is_busy_for_a_moment_is_tried_again(
    desk: AcceptanceDesk, connection: Connection, code: str
) -> None:
    asked = wish(code)

    async def a_lock_was_waited_for_in_vain() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    async with connection.transaction():
        await connection.execute("LOCK TABLE postings")
        accepting = asyncio.create_task(desk.accept([asked]))
        await until("the desk waits for a lock", a_lock_was_waited_for_in_vain)
    await accepting
    assert isinstance(asked.outcome, StatusUpdate)


async def test_more_than_can_wait_is_turned_away_before_anything_is_done(
    desk: AcceptanceDesk, connection: Connection, code: str
) -> None:
    batches = [[wish(code, description=f"{number}.{scan}") for scan in range(900)] for number in range(7)]
    answers = await asyncio.gather(*(desk.accept(each) for each in batches), return_exceptions=True)
    turned_away = [type(answer) for answer in answers].count(Overloaded)
    assert turned_away == 2
    assert await connection.fetchval("SELECT count(*) FROM status_updates") == 900 * (len(batches) - turned_away)


class TestPostgresqlGone:
    """Everybody is told soon, each what is true."""

    @pytest.fixture
    async def network(self, database_url: str) -> AsyncIterator[Proxy]:
        async with proxy_to(database_url) as proxy:
            yield proxy

    @pytest.fixture
    async def desk_behind(self, network: Proxy, hints: HintsOfTheTest) -> AsyncIterator[AcceptanceDesk]:
        async with open_database(
            network.url, pool_size=3, acquire_seconds=1, statement_seconds=9, patience_seconds=1
        ) as database:
            yield AcceptanceDesk(database, hints, Backlog(limit=1_000))

    async def test_who_waits_behind_a_lost_round_is_told_with_it(
        self, desk_behind: AcceptanceDesk, network: Proxy, connection: Connection, code: str
    ) -> None:
        await desk_behind.accept([wish(code)])
        network.fall_silent()
        began = time.monotonic()
        first = asyncio.create_task(desk_behind.accept([wish(code)]))
        await asyncio.sleep(0)
        later = [asyncio.create_task(desk_behind.accept([wish(code)])) for _ in range(5)]
        answers = await asyncio.gather(first, *later, return_exceptions=True)
        took = time.monotonic() - began
        assert took < 1 + 1.5, took
        assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 6
        network.heal()
        again = wish(code)
        await desk_behind.accept([again])
        assert isinstance(again.outcome, StatusUpdate)
        assert await connection.fetchval("SELECT count(*) FROM status_updates") == 2

    async def test_a_lost_commit_is_unknown_to_whom_it_concerns_and_to_nobody_else(
        self, desk_behind: AcceptanceDesk, network: Proxy, connection: Connection, code: str, hints: HintsOfTheTest
    ) -> None:
        scan = "a scan of which nobody hears"
        good, refused, mixed = (
            [wish(code, description=scan)],
            [wish("EE876543216CA")],
            [wish("EE876543216CA"), wish(code)],
        )
        await desk_behind.accept([wish(code)])  # the statement is prepared
        network.swallow_the_answer_to(b"a scan of which nobody hears")
        together = asyncio.gather(
            *(desk_behind.accept(each) for each in (good, refused, mixed)), return_exceptions=True
        )

        async def committed() -> bool:
            return bool(await connection.fetchval("SELECT count(*) = 3 FROM status_updates"))

        await until("the round is committed, and nobody knows", committed)
        waiting = asyncio.create_task(desk_behind.accept([wish(code)]))
        assert [type(answer) for answer in await together] == [CommitUnknown, type(None), CommitUnknown]
        assert isinstance(refused[0].outcome, PostingNotFound)
        with pytest.raises(DatabaseUnavailable) as told:
            await waiting
        assert not isinstance(told.value, CommitUnknown)
        assert hints.given == [0]
        assert await committed()
