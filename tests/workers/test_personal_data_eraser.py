"""Personal data of postings goes when its time is over, and nothing else does."""

import json
import uuid
from datetime import timedelta

import asyncpg
import pytest

from app.db.database import Database
from app.models.postings import Party
from app.services.posting_service import FIRST_TEST_POSTING
from app.workers.personal_data_eraser import PersonalDataEraser
from tests.api.test_personal_data import traces
from tests.db.rows import CLIENT, LATER, Connection, add_known_rows, insert


async def erase(database: Database, connection: Connection) -> list[int]:
    """One step of the worker that keeps data for 30 days, and the postings that are anonymised then."""
    await PersonalDataEraser(database, retention=timedelta(days=30)).erase()
    rows = await connection.fetch("SELECT id FROM postings WHERE anonymised_at IS NOT NULL ORDER BY id")
    return [row["id"] for row in rows]


async def add_postings(connection: Connection) -> None:
    """Old and finished: 0 and 1. Young and finished: 2. Young and on its way: 3."""
    await add_known_rows(connection)
    now = await connection.fetchval("SELECT now()")
    for number, status, at in ((1, "cancelled", LATER), (2, "cancelled", now), (3, "pending", now)):
        digit = await connection.fetchval("SELECT s10_check_digit($1)", number)
        code = f"ZP0000000{number}{digit}BR"
        await insert(connection, "postings", {"id": number, "tracking_code": code, "status": status, "status_at": at})
    await connection.execute("UPDATE postings SET status = 'cancelled' WHERE id = 0")


async def test_what_was_finished_long_ago_is_anonymised_and_nothing_else(
    database: Database, connection: Connection
) -> None:
    await add_postings(connection)
    assert await erase(database, connection) == [0, 1]
    assert await traces(connection, "Ana Souza") == {("Ana Souza", "postings")}
    left = await connection.fetch("SELECT id FROM postings WHERE recipient ->> 'name' = 'Ana Souza' ORDER BY id")
    assert [row["id"] for row in left] == [2, 3]


async def test_a_test_posting_keeps_nothing_for_longer_than_30_days(database: Database, connection: Connection) -> None:
    await add_known_rows(connection)
    for days, serial in ((29, 47312482), (31, 12345678)):
        digit = await connection.fetchval("SELECT s10_check_digit($1)", serial)
        at = await connection.fetchval("SELECT now() - $1::integer * interval '1 day'", days)
        row = {"id": FIRST_TEST_POSTING + days, "tracking_code": f"ZT{serial}{digit}BR"}
        await insert(connection, "postings", {**row, "status_at": at, "posted_at": at})
    await PersonalDataEraser(database, retention=timedelta(days=3650)).erase()
    rows = await connection.fetch("SELECT id FROM postings WHERE anonymised_at IS NOT NULL")
    assert [row["id"] for row in rows] == [FIRST_TEST_POSTING + 31]


async def test_what_is_left_of_a_cep_is_still_one(database: Database, connection: Connection) -> None:
    await add_postings(connection)
    await connection.execute("""UPDATE postings SET sender = sender || '{"cep": "00000123"}' WHERE id = 0""")
    await erase(database, connection)
    left = await connection.fetchrow("SELECT sender, recipient FROM postings WHERE id = 0")
    assert left is not None
    parties = [Party(**json.loads(left[side])) for side in ("sender", "recipient")]
    assert [party.cep for party in parties] == ["00001000", "12243000"]


async def test_a_posting_in_other_hands_is_passed_over_and_found_by_the_next_round(
    database: Database, connection: Connection
) -> None:
    await add_postings(connection)
    async with connection.transaction():
        await connection.execute("SELECT FROM postings WHERE id = 0 FOR KEY SHARE")
        assert await erase(database, connection) == [1]
    assert await erase(database, connection) == [0, 1]


async def test_a_walk_comes_by_every_posting_however_few_it_looks_at(
    database: Database, connection: Connection
) -> None:
    await add_postings(connection)
    await connection.execute(
        """
        INSERT INTO postings (id, client_id, tracking_code, status, status_at, posted_at, weight_g, volume_cm3, declared_value,
                              freight_price, service, sender, recipient)
        SELECT n, client_id, 'ZP' || lpad(n::text, 8, '0') || s10_check_digit(n) || 'BR', 'cancelled', posted_at, posted_at,
               900, 7200, 0, 0,
               service, sender, recipient
          FROM postings CROSS JOIN generate_series(100, 1199) AS n
         WHERE postings.id = 0
        """
    )
    eraser = PersonalDataEraser(database, retention=timedelta(days=30))
    pauses = [await eraser.erase() for _ in range(3)]
    assert pauses[0] == pauses[1] < pauses[2]
    left = await connection.fetch("SELECT id FROM postings WHERE anonymised_at IS NULL ORDER BY id")
    assert [row["id"] for row in left] == [2, 3]


async def test_keys_of_deleted_clients_go_and_others_stay(database: Database, connection: Connection) -> None:
    await add_known_rows(connection)
    other = uuid.UUID(int=2)
    await insert(connection, "clients", {"id": other, "email": "outra@lojaazul.com.br"})
    for client in (CLIENT, other):
        await insert(connection, "posting_idempotency_keys", {"client_id": client})
    await connection.execute("UPDATE clients SET deleted_at = now() WHERE id = $1", other)
    await erase(database, connection)
    assert [row["client_id"] for row in await connection.fetch("SELECT * FROM posting_idempotency_keys")] == [CLIENT]


async def add_keys(connection: Connection, client: uuid.UUID, count: int) -> None:
    """So many idempotency keys of the client."""
    await connection.execute(
        "INSERT INTO posting_idempotency_keys (client_id, key, request_hash) SELECT $1, n, '' FROM generate_series(1, $2::integer) AS n",
        client,
        count,
    )


async def test_however_many_keys_there_are_they_go_bit_by_bit(database: Database, connection: Connection) -> None:
    await add_known_rows(connection)
    await connection.execute("UPDATE clients SET deleted_at = now()")
    await add_keys(connection, CLIENT, 1_100)
    eraser = PersonalDataEraser(database, retention=timedelta(days=30))
    pauses, left = [], []
    for _ in range(3):
        pauses.append(await eraser.erase())
        left.append(await connection.fetchval("SELECT count(*) FROM posting_idempotency_keys"))
    assert left == [600, 100, 0]
    assert pauses[0] == pauses[1] < pauses[2]


async def test_keys_that_cannot_be_deleted_keep_no_personal_data(database: Database, connection: Connection) -> None:
    await add_postings(connection)
    await connection.execute("UPDATE clients SET deleted_at = now()")
    await add_keys(connection, CLIENT, 1)
    await connection.execute(
        "CREATE TRIGGER kept BEFORE DELETE ON posting_idempotency_keys FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    with pytest.raises(asyncpg.PostgresError):
        await erase(database, connection)
    rows = await connection.fetch("SELECT id FROM postings WHERE anonymised_at IS NOT NULL ORDER BY id")
    assert [row["id"] for row in rows] == [0, 1, 2], "the one on its way keeps its data until it is finished"


async def test_a_round_ends_however_many_postings_are_added_meanwhile(
    database: Database, connection: Connection
) -> None:
    await add_postings(connection)
    eraser = PersonalDataEraser(database, retention=timedelta(days=30))
    await eraser.erase()
    await connection.execute("UPDATE postings SET status_at = posted_at WHERE id = 2")
    digit = await connection.fetchval("SELECT s10_check_digit(4)")
    await insert(connection, "postings", {"id": 4, "tracking_code": f"ZP00000004{digit}BR"})
    await eraser.erase()
    assert await connection.fetchval("SELECT anonymised_at IS NOT NULL FROM postings WHERE id = 2")
