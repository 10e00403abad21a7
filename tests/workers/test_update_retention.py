"""The record of updates ends some day, and the history does not; nobody waits for that."""

import uuid
from datetime import timedelta

import pytest

from app.db.database import Database
from app.workers.update_retention import UpdateRetention
from tests.db.rows import Connection, add_known_rows, insert

OLD = uuid.UUID(int=50)
YOUNG = uuid.UUID(int=51)
QUEUED = uuid.UUID(int=52)
DEAD = uuid.UUID(int=53)
TOLD = uuid.UUID(int=54)


@pytest.fixture
def retention(database: Database) -> UpdateRetention:
    """What keeps them for 30 days."""
    return UpdateRetention(database, retention=timedelta(days=30))


async def add_updates(connection: Connection) -> None:
    """Of the old ones one was applied, one waits for an operator, and of one a webhook tells."""
    await add_known_rows(connection)
    now = await connection.fetchval("SELECT now()")
    old = now - timedelta(days=31)
    for update, decided, refusal in (
        (OLD, old, None),
        (YOUNG, now - timedelta(days=29), None),
        (DEAD, old, "internal_error"),
        (TOLD, old, "already_delivered"),
    ):
        state = "refused" if refusal else "applied"
        await insert(
            connection,
            "status_updates",
            {"id": update, "accepted_at": old, "decided_at": decided, "state": state, "refusal": refusal},
        )
    await insert(connection, "status_updates", {"id": QUEUED, "accepted_at": old})
    await insert(connection, "status_history", {"update_id": OLD})
    await insert(connection, "webhook_endpoints", {})
    told = {"type": "status_update.refused", "update_id": TOLD, "refusal": "already_delivered", "step": 1}
    await insert(connection, "webhook_deliveries", told)


async def left(connection: Connection) -> set[uuid.UUID]:
    """The updates that are there."""
    return {row["id"] for row in await connection.fetch("SELECT id FROM status_updates")}


async def test_what_was_decided_long_ago_goes_and_nothing_else(
    retention: UpdateRetention, connection: Connection
) -> None:
    await add_updates(connection)
    await retention.delete_old()
    assert await left(connection) == {YOUNG, QUEUED, DEAD, TOLD}
    assert await connection.fetchval("SELECT update_id FROM status_history WHERE seq = 2") == OLD
    await connection.execute("DELETE FROM webhook_deliveries")
    await retention.delete_old()
    assert await left(connection) == {YOUNG, QUEUED, DEAD}


async def test_what_is_in_other_hands_is_passed_over_and_found_by_the_next_round(
    retention: UpdateRetention, connection: Connection
) -> None:
    await add_updates(connection)
    async with connection.transaction():
        await connection.execute("SELECT FROM status_updates WHERE id = $1 FOR KEY SHARE", OLD)
        await retention.delete_old()
        assert OLD in await left(connection)
    await retention.delete_old()
    assert OLD not in await left(connection)


async def test_a_walk_comes_by_every_page_however_few_it_looks_at(
    retention: UpdateRetention, connection: Connection
) -> None:
    await add_updates(connection)
    await connection.execute(
        """
        INSERT INTO status_updates (id, posting_id, client_id, accepted_at, decided_at, state, status, description)
        SELECT gen_random_uuid(), posting_id, client_id, accepted_at, decided_at, state, status, repeat('x', 400)
          FROM status_updates CROSS JOIN generate_series(1, 5000) AS n
         WHERE id = $1
        """,
        OLD,
    )
    pauses = [await retention.delete_old() for _ in range(3)]
    assert pauses[0] == pauses[1] < pauses[2]
    assert await left(connection) == {YOUNG, QUEUED, DEAD, TOLD}
