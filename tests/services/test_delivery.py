"""What a sender of webhooks may take, and how long what ended is kept."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from app.core.ids import smallest_id_of
from app.core.webhook_client import Answer
from app.db.database import Database
from app.services.delivery_service import (
    Claimed,
    Claims,
    Room,
    Sent,
    delete_old_deliveries,
    record_attempts,
    restart_waits,
)
from app.services.webhook_events import event_body
from app.services.webhook_schedule import DELIVERED, Outcome
from tests.db.rows import LATER, Connection, add_known_rows, insert

_ROOM: Final = Room(in_all=8, to_one=4)
_LEASE: Final = timedelta(seconds=30)
_OK: Final = Answer(200, 0.01)
_AGAIN: Final = Outcome("waiting", timedelta(seconds=300))


def _id(number: int) -> UUID:
    return UUID(int=number)


def _rooms(
    *endpoints: int,
    failing: Collection[int] = (),
    quick: Collection[int] = (),
    under_way: Mapping[int, int] | None = None,
    room: Room = _ROOM,
) -> dict[int, int]:
    rows: list[Any] = [{"id": _id(number), "failing": number in failing} for number in endpoints]
    counts = {_id(number): count for number, count in (under_way or {}).items()}
    return {key.int: value for key, value in room.share_out(rows, counts, set(map(_id, quick))).items()}


class TestRoom:
    def test_one_that_answers_quickly_has_its_whole_share(self) -> None:
        assert _rooms(1, 2, quick={1, 2}) == {1: 4, 2: 4}

    def test_where_many_wait_each_has_an_equal_part(self) -> None:
        assert _rooms(1, 2, 3, quick={1, 2, 3}) == {1: 3, 2: 3, 3: 2}

    def test_what_is_under_way_counts(self) -> None:
        assert _rooms(1, 2, quick={1, 2}, under_way={1: 3, 2: 4}) == {1: 1}

    def test_one_of_which_nothing_is_known_yet_has_a_quarter(self) -> None:
        assert _rooms(1) == {1: 1}

    def test_one_that_fails_gets_one_at_a_time(self) -> None:
        assert _rooms(1, failing={1}, room=Room(in_all=100, to_one=40)) == {1: 1}
        assert _rooms(1, failing={1}, under_way={1: 1}) == {}

    def test_those_that_are_not_quick_have_half_together(self) -> None:
        assert _rooms(*range(1, 10), 20, failing={1, 2, 3}, quick={20}) == {1: 1, 2: 1, 3: 1, 4: 1, 20: 4}

    def test_there_is_never_more_than_all(self) -> None:
        assert _rooms(1, 2, 3, quick={1, 2, 3}, under_way={4: 5}) == {1: 3}


async def _owe(connection: Connection, number: int, **changes: Any) -> None:
    row = {"id": _id(number), "type": "webhook.test", "posting_id": None, "step": None, "posting_status": None}
    await insert(connection, "webhook_deliveries", {**row, **changes})


async def _endpoint(connection: Connection, **changes: Any) -> None:
    await add_known_rows(connection)
    await insert(connection, "webhook_endpoints", changes)


async def _claim(database: Database, claims: Claims, under_way: list[Claimed] | None = None) -> list[int]:
    async with database.transaction() as transaction:
        return [claimed.id.int for claimed in await claims.claim(transaction, under_way or [])]


async def test_what_is_claimed_is_nobody_else_s_until_its_lease_ends(
    database: Database, connection: Connection
) -> None:
    await _endpoint(connection)
    await _owe(connection, 1)
    assert await _claim(database, Claims(_ROOM, timedelta(0))) == [1]
    assert await _claim(database, Claims(_ROOM, _LEASE)) == [1]
    assert await _claim(database, Claims(_ROOM, _LEASE)) == []


async def test_endpoints_in_other_hands_are_passed_over(database: Database, connection: Connection) -> None:
    await _endpoint(connection)
    await insert(connection, "webhook_endpoints", {"id": _id(21), "place": 2})
    await _owe(connection, 1)
    await _owe(connection, 2, endpoint_id=_id(21))
    async with connection.transaction():
        await connection.execute("SELECT FROM webhook_endpoints WHERE id = $1 FOR NO KEY UPDATE", _id(20))
        assert await _claim(database, Claims(_ROOM, _LEASE)) == [2]
    assert await _claim(database, Claims(_ROOM, _LEASE)) == [1]


async def test_what_waits_behind_one_that_is_tried_again_is_put_off_until_then(
    database: Database, connection: Connection
) -> None:
    await _endpoint(connection)
    await insert(connection, "status_history", {})
    later = datetime.now(UTC) + timedelta(minutes=5)
    about = {"type": "posting.created", "posting_id": 0, "step": 1, "posting_status": "pending"}
    await _owe(connection, 1, **about, due_at=later, attempts=1, failures=1)
    await _owe(connection, 2, **{**about, "step": 2, "type": "posting.scanned"})
    assert await _claim(database, Claims(_ROOM, _LEASE)) == []
    due = await connection.fetch("SELECT due_at FROM webhook_deliveries ORDER BY step")
    assert due[0]["due_at"] == due[1]["due_at"] == later
    await connection.execute("UPDATE webhook_deliveries SET due_at = now(), failures = 3, attempts = 3 WHERE step = 1")
    await connection.execute("UPDATE webhook_deliveries SET due_at = now() - interval '1 s' WHERE step = 2")
    # Two at once would be two of one posting under way.
    assert await _claim(database, Claims(Room(in_all=80, to_one=40), _LEASE)) == [1]


async def test_the_late_answer_to_one_that_was_given_up_changes_a_delivery_only_for_the_better(
    database: Database, connection: Connection
) -> None:
    await _endpoint(connection)
    await _owe(connection, 1)
    claims = Claims(_ROOM, timedelta(0))
    async with database.transaction() as transaction:
        (first,) = await claims.claim(transaction, [])
    async with database.transaction() as transaction:
        (second,) = await Claims(_ROOM, _LEASE).claim(transaction, [])
    states = []
    for claimed, outcome in ((first, _AGAIN), (second, _AGAIN), (second, _AGAIN), (first, DELIVERED), (second, _AGAIN)):
        async with database.transaction() as transaction:
            sent = Sent(claimed, LATER, _OK, outcome)
            await record_attempts(transaction, [sent], disable_after=timedelta(days=5))
        states.append(await connection.fetchval("SELECT state FROM webhook_deliveries"))
    # What is recorded once more, since the answer to the first time was lost, is no second failure.
    assert states == ["sending", "waiting", "waiting", "delivered", "delivered"]
    assert await connection.fetchval("SELECT failures FROM webhook_deliveries") == 1
    assert await connection.fetchval("SELECT array_agg(number ORDER BY number) FROM webhook_attempts") == [1, 2]


@pytest.mark.parametrize("state", ["sending", "waiting"])
async def test_however_much_waits_behind_one_it_does_not_hide_it(
    state: str, database: Database, connection: Connection
) -> None:
    await _endpoint(connection)
    await insert(connection, "status_history", {})
    await insert(connection, "status_updates", {})
    about = {"type": "status_update.refused", "posting_id": 0, "step": 1, "posting_status": "pending"}
    refused = {**about, "update_id": _id(10), "refusal": "out_of_sequence"}
    now = datetime.now(UTC)
    await _owe(connection, 1, **refused, state=state, attempts=1, failures=1, due_at=now - timedelta(seconds=1))
    for number in range(2, 600):
        await _owe(connection, number, **refused, due_at=now - timedelta(hours=1))
    claims = Claims(_ROOM, _LEASE)
    assert [await _claim(database, claims) for _ in range(4)][-2:] == [[1], []]


class TestClockPutBack:
    async def test_a_wait_that_it_set_begins_anew(self, database: Database, connection: Connection) -> None:
        await _endpoint(connection)
        now = datetime.now(UTC)
        ahead, wait = now + timedelta(hours=1), timedelta(seconds=300)
        await _owe(connection, 1, due_set_at=ahead, due_at=ahead)
        await _owe(connection, 2, due_set_at=ahead, due_at=ahead + wait, attempts=1, failures=1)
        await _owe(connection, 3, due_set_at=ahead, due_at=ahead + _LEASE, attempts=1, state="sending")
        await _owe(connection, 4, due_set_at=now, due_at=ahead, attempts=1, failures=1)
        assert await _claim(database, Claims(_ROOM, _LEASE)) == []
        assert await _restart(database) == 3
        left = {row["id"].int: row["left"] for row in await connection.fetch(_LEFT)}
        for number, expected in {1: timedelta(0), 2: wait, 3: _LEASE, 4: timedelta(hours=1)}.items():
            assert expected - timedelta(seconds=10) < left[number] <= expected
        assert await _claim(database, Claims(_ROOM, _LEASE)) == [1]
        assert await _restart(database) == 0

    async def test_what_was_put_off_until_then_begins_anew_too(
        self, database: Database, connection: Connection
    ) -> None:
        await _endpoint(connection)
        await insert(connection, "status_history", {})
        ahead, wait = datetime.now(UTC) + timedelta(hours=1), timedelta(seconds=300)
        about = {"type": "posting.created", "posting_id": 0, "step": 1, "posting_status": "pending"}
        await _owe(connection, 1, **about, due_set_at=ahead, due_at=ahead + wait, attempts=1, failures=1)
        await _owe(connection, 2, **{**about, "step": 2, "type": "posting.scanned"})
        assert await _claim(database, Claims(_ROOM, _LEASE)) == []
        assert await _restart(database) == 2
        assert all(row["left"] <= wait for row in await connection.fetch(_LEFT))

    async def test_what_is_in_other_hands_is_passed_over(self, database: Database, connection: Connection) -> None:
        await _endpoint(connection)
        ahead = datetime.now(UTC) + timedelta(hours=1)
        await _owe(connection, 1, due_set_at=ahead, due_at=ahead)
        async with connection.transaction():
            await connection.execute("SELECT FROM webhook_deliveries FOR NO KEY UPDATE")
            assert await _restart(database) == 0
        assert await _restart(database) == 1

    async def test_a_pause_that_it_set_is_over(self, database: Database, connection: Connection) -> None:
        now = datetime.now(UTC)
        await _endpoint(connection, paused_at=now, paused_until=now + timedelta(hours=2))
        await _owe(connection, 1)
        assert await _claim(database, Claims(_ROOM, _LEASE)) == []
        await connection.execute("UPDATE webhook_endpoints SET paused_at = $1", now + timedelta(hours=1))
        assert await _claim(database, Claims(_ROOM, _LEASE)) == [1]


async def _restart(database: Database) -> int:
    async with database.transaction() as transaction:
        return await restart_waits(transaction)


_LEFT: Final = "SELECT id, due_at - clock_timestamp() AS left FROM webhook_deliveries"


async def test_the_longest_event_is_under_20_kb(database: Database, connection: Connection) -> None:
    await _endpoint(connection)
    await connection.execute("UPDATE postings SET reference = repeat(E'\\u0085', 100)")
    text = '"' * 500  # written with a backslash before each
    await insert(connection, "status_updates", {"city": text[:100], "uf": "SP", "description": text})
    await _owe(
        connection,
        1,
        type="status_update.refused",
        posting_id=0,
        step=1,
        posting_status="pending",
        update_id=_id(10),
        refusal="out_of_sequence",
    )
    async with database.transaction() as transaction:
        (claimed,) = await Claims(_ROOM, _LEASE).claim(transaction, [])
    body = event_body(claimed.row)
    assert json.loads(body)["data"]["status_update"]["description"] == text
    assert 1_000 < len(body) < 20_000


async def test_what_ended_before_a_time_leaves_the_log_and_what_waits_stays(
    database: Database, connection: Connection
) -> None:
    await _endpoint(connection)
    now = datetime.now(UTC)
    old, young = (smallest_id_of(now - timedelta(days=days)).int for days in (31, 29))
    ended = {"state": "delivered", "attempts": 1, "due_at": None, "finished_at": LATER}
    await _owe(connection, old, **ended)
    await _owe(connection, old + 1)
    await _owe(connection, young, **ended)
    await insert(connection, "webhook_attempts", {"delivery_id": _id(old)})
    async with database.transaction() as transaction:
        assert not await delete_old_deliveries(transaction, before=now - timedelta(days=30))
    left = await connection.fetch("SELECT id FROM webhook_deliveries ORDER BY id")
    assert [row["id"].int for row in left] == [old + 1, young]


async def test_what_is_under_way_to_a_deleted_endpoint_stays_until_it_is_over(
    database: Database, connection: Connection
) -> None:
    await _endpoint(connection)
    now = datetime.now(UTC)
    await _owe(connection, 1)
    claims = Claims(_ROOM, _LEASE)
    async with database.transaction() as transaction:
        (claimed,) = await claims.claim(transaction, [])
    await _owe(connection, 2)
    await _owe(
        connection, 3, state="sending", attempts=1, due_at=now - timedelta(seconds=1)
    )  # whose sender is given up
    await connection.execute(
        "UPDATE webhook_endpoints SET place = NULL, deleted_at = $1, enabled = false, disabled_reason = 'by_owner', disabled_at = $1",
        now,
    )
    async with database.transaction() as transaction:
        await delete_old_deliveries(transaction, before=now)
    assert [row["id"].int for row in await connection.fetch("SELECT id FROM webhook_deliveries")] == [1]
    async with database.transaction() as transaction:
        await record_attempts(transaction, [Sent(claimed, LATER, _OK, _AGAIN)], disable_after=timedelta(days=5))
    assert await connection.fetchval("SELECT count(*) FROM webhook_attempts") == 1
    async with database.transaction() as transaction:
        await delete_old_deliveries(transaction, before=now)
    assert await connection.fetchval("SELECT count(*) FROM webhook_deliveries") == 0


async def test_of_a_failure_that_is_told_at_length_the_start_is_kept(
    database: Database, connection: Connection
) -> None:
    """A name may have many addresses, each with a failure of its own."""
    await _endpoint(connection)
    await _owe(connection, 1)
    async with database.transaction() as transaction:
        (claimed,) = await Claims(_ROOM, _LEASE).claim(transaction, [])
    async with database.transaction() as transaction:
        answer = Answer(None, 0.01, failure="no connection: " + "Connection refused, " * 50)
        await record_attempts(transaction, [Sent(claimed, LATER, answer, _AGAIN)], disable_after=timedelta(days=5))
    assert await connection.fetchval("SELECT length(failure) FROM webhook_attempts") == 500
