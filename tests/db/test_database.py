"""The door to PostgreSQL: every wait has an end, and what is told of a commit is true."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from app.db.connection import open_database
from app.db.database import (
    CommitUnknown,
    Database,
    DatabaseBusy,
    DatabaseUnavailable,
    DataRefused,
    TransactionExpired,
)
from tests.proxy import Proxy, proxy_to
from tests.until import until

PATIENCE = 0.8
POOL_SIZE = 4


@pytest.fixture
async def network(database_url: str) -> AsyncIterator[Proxy]:
    """What lies between the application and PostgreSQL."""
    async with proxy_to(database_url) as proxy:
        yield proxy


@pytest.fixture
async def patient(network: Proxy, connection: Any) -> AsyncIterator[Database]:
    """A database whose operations take PATIENCE at most, with a table to write to."""
    await connection.execute("CREATE TABLE notes (id int PRIMARY KEY)")
    async with open_database(
        network.url, pool_size=POOL_SIZE, acquire_seconds=PATIENCE, statement_seconds=30, patience_seconds=PATIENCE
    ) as opened:
        yield opened


@contextmanager
def soon() -> Iterator[None]:
    """What happens inside takes not much longer than the patience of one operation."""
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert took < PATIENCE + 1.5, took


async def write(database: Database, number: int) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO notes VALUES ($1)", number)


async def written(connection: Any) -> list[int]:
    return [row["id"] for row in await connection.fetch("SELECT id FROM notes ORDER BY id")]


async def fill_pool(database: Database) -> None:
    """Make as many connections as there may be."""
    await asyncio.gather(*(database.reader.fetch("SELECT pg_sleep(0.1)") for _ in range(POOL_SIZE)))


async def test_a_silent_network_ends_every_operation_in_time_and_one_attempt_brings_recovery(
    patient: Database, network: Proxy, connection: Any
) -> None:
    await fill_pool(patient)
    network.fall_silent()
    asked = [patient.reader.fetch("SELECT 1"), write(patient, 1), patient.reader.fetch_one("SELECT 1")]
    with soon():
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 3
    network.heal()
    for _ in range(2 * POOL_SIZE):
        await patient.reader.fetch("SELECT 1")
    await write(patient, 2)
    assert await written(connection) == [2]


async def test_more_operations_than_connections_all_end_in_time_and_no_place_is_lost(
    patient: Database, network: Proxy
) -> None:
    network.fall_silent()
    with soon():
        many = await asyncio.gather(*(write(patient, n) for n in range(5 * POOL_SIZE)), return_exceptions=True)
    assert {type(answer) for answer in many} == {DatabaseUnavailable}
    network.heal()
    await asyncio.gather(*(patient.reader.fetch("SELECT pg_sleep(0.05)") for _ in range(POOL_SIZE)))


async def test_a_lost_answer_to_a_commit_is_told_as_unknown(patient: Database, network: Proxy, connection: Any) -> None:
    network.swallow_the_answer_to(b"COMMIT")
    with soon(), pytest.raises(CommitUnknown):
        await write(patient, 1)
    assert await written(connection) == [1]


async def test_a_loss_before_the_commit_is_told_as_nothing_done(
    patient: Database, network: Proxy, connection: Any
) -> None:
    network.swallow_the_answer_to(b"INSERT")
    with soon(), pytest.raises(DatabaseUnavailable) as failure:
        await write(patient, 1)
    assert not isinstance(failure.value, CommitUnknown)
    assert await written(connection) == []


async def test_a_connection_that_dies_before_the_commit_is_sent_means_that_nothing_was_done(
    patient: Database, connection: Any
) -> None:
    async def write_and_lose_the_backend() -> None:
        async with patient.transaction() as transaction:
            await transaction.execute("INSERT INTO notes VALUES (1)")
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle in transaction'"
            )
            await until("the backend is gone", lambda: none_in_transaction(connection))

    with pytest.raises(DatabaseUnavailable) as failure:
        await write_and_lose_the_backend()
    assert not isinstance(failure.value, CommitUnknown)


async def none_in_transaction(connection: Any) -> bool:
    found = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    return int(found) == 0


def freeze_until_ended(url: str) -> None:
    """Keep this whole thread, event loop and all, from doing anything until PostgreSQL has ended the transaction."""

    async def ended() -> None:
        onlooker = await asyncpg.connect(url)
        await until("the frozen transaction is ended", lambda: none_in_transaction(onlooker))
        await onlooker.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ended()).result()


@pytest.mark.parametrize("late", ["nothing", "a statement"])
async def test_a_frozen_transaction_is_ended_and_its_locks_are_free(
    patient: Database, database_url: str, connection: Any, late: str
) -> None:
    async def write_and_freeze(frozen: Database) -> None:
        async with frozen.transaction() as transaction:
            await transaction.execute("INSERT INTO notes VALUES (1)")
            freeze_until_ended(database_url)
            if late == "a statement":
                await transaction.fetch("SELECT 1")

    async with open_database(database_url, pool_size=1, acquire_seconds=5, statement_seconds=30) as frozen:
        with pytest.raises(TransactionExpired):
            await write_and_freeze(frozen)
        await frozen.reader.fetch("SELECT 1")
    await write(patient, 1)
    assert await written(connection) == [1]


async def test_a_transaction_that_goes_on_for_ever_is_ended(database_url: str) -> None:
    """Also between the messages of a statement, where neither a statement nor an idle transaction has a clock."""

    async def go_on(database: Database) -> None:
        async with database.transaction() as transaction:
            for _ in range(60):
                await transaction.fetch("SELECT pg_sleep(0.1)")

    async with open_database(database_url, pool_size=1, acquire_seconds=5, statement_seconds=0.5) as database:
        with pytest.raises(TransactionExpired):
            await go_on(database)
        await database.reader.fetch("SELECT 1")


async def test_a_lock_that_is_not_to_be_had_is_told_soon_and_the_connection_goes_on(
    patient: Database, connection: Any, network: Proxy
) -> None:
    await fill_pool(patient)
    async with connection.transaction():
        await connection.execute("LOCK notes")
        with soon(), pytest.raises(DatabaseBusy):
            async with patient.transaction(lock_seconds=0.1) as transaction:
                await transaction.execute("INSERT INTO notes VALUES (1)")
    await write(patient, 1)
    assert network.connections == POOL_SIZE


async def test_a_slow_statement_is_ended_on_the_server_too(patient: Database, connection: Any) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with patient.transaction() as transaction:
            await transaction.fetch("SELECT pg_sleep(60)")

    async def nobody_sleeps() -> bool:
        return not await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
            " AND state = 'active'"
        )

    await until("nobody sleeps any more", nobody_sleeps)


async def test_what_is_refused_costs_no_connection(patient: Database, network: Proxy) -> None:
    for bad in ("\x00", object()):
        with pytest.raises(DataRefused):
            await patient.reader.fetch("SELECT $1::text", bad)
    with pytest.raises(asyncpg.UniqueViolationError):
        async with patient.transaction() as transaction:
            await transaction.execute("INSERT INTO notes VALUES (1), (1)")
    with pytest.raises(LookupError):
        async with patient.transaction():
            raise LookupError
    await patient.reader.fetch("SELECT 1")
    assert network.connections == 1


async def test_a_failed_transaction_is_never_told_as_committed(patient: Database) -> None:
    async def write_twice_and_go_on() -> None:
        async with patient.transaction() as transaction:
            with pytest.raises(asyncpg.UniqueViolationError):
                await transaction.execute("INSERT INTO notes VALUES (1), (1)")

    with pytest.raises(DatabaseBusy):
        await write_twice_and_go_on()


async def test_closing_does_not_wait_for_a_silent_postgresql(database_url: str) -> None:
    async with proxy_to(database_url) as network:
        async with open_database(network.url, pool_size=1, acquire_seconds=5, statement_seconds=60) as database:
            await database.reader.fetch("SELECT 1")
            network.fall_silent()
            started = time.monotonic()
        assert time.monotonic() - started < 3


async def test_a_transaction_leaves_no_setting_behind(patient: Database) -> None:
    await write(patient, 1)
    rows = await patient.reader.fetch("SELECT current_setting('idle_in_transaction_session_timeout') AS value")
    assert rows[0]["value"] == "0"
