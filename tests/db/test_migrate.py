"""Migrating: once, in order, whoever does it and however often; and refusing where database and release do not fit together."""

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import files

import asyncpg
import pytest

from app.db.migrate import Migration, MigrationError, apply, migrate, read_migrations
from tests.db.rows import ANOTHER, CLIENT, Connection, insert
from tests.until import until

NAMES = [migration.name for migration in read_migrations()]


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Connection]:
    """A connection to a database without any table."""
    opened = await asyncpg.connect(empty_url)
    yield opened
    await opened.close()


async def test_an_empty_database_gets_every_migration_in_order(empty_url: str, empty: Connection) -> None:
    assert await migrate(empty_url) == NAMES == sorted(NAMES)
    applied = await empty.fetch("SELECT version, checksum FROM schema_migrations ORDER BY applied_at, version")
    assert [tuple(row) for row in applied] == [(each.version, each.checksum) for each in read_migrations()]


async def test_a_second_run_does_nothing(empty_url: str) -> None:
    await migrate(empty_url)
    assert await migrate(empty_url) == []


async def test_of_several_at_once_one_applies_everything(empty_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_url) for _ in range(4)))
    assert sorted(applied) == [[], [], [], NAMES]


async def test_a_database_that_is_behind_gets_what_it_lacks(empty_url: str, empty: Connection) -> None:
    await migrate(empty_url)
    await empty.execute(_down(NAMES[-1]))
    await empty.execute("DELETE FROM schema_migrations WHERE version = $1", NAMES[-1].partition("_")[0])
    assert await migrate(empty_url) == NAMES[-1:]


async def test_a_migration_that_was_edited_after_it_was_applied_is_refused(empty_url: str, empty: Connection) -> None:
    await migrate(empty_url)
    await empty.execute("UPDATE schema_migrations SET checksum = 'another' WHERE version = '20261124000002'")
    with pytest.raises(MigrationError, match=r"^20261124000002_postings\.sql was edited after it was applied\."):
        await migrate(empty_url)


async def test_a_database_of_a_newer_release_is_refused(empty_url: str, empty: Connection) -> None:
    await migrate(empty_url)
    await empty.execute("INSERT INTO schema_migrations (version) VALUES ('29991231000000')")
    with pytest.raises(MigrationError, match=r"does not know \(29991231000000\)"):
        await migrate(empty_url)


async def test_a_refusal_changes_nothing(empty_url: str, empty: Connection) -> None:
    await empty.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    await empty.execute("INSERT INTO schema_migrations VALUES ('29991231000000')")
    with pytest.raises(MigrationError):
        await migrate(empty_url)
    assert await _tables(empty) == ["schema_migrations"]


async def test_a_migration_that_fails_leaves_nothing_of_itself(empty_url: str, empty: Connection) -> None:
    await empty.execute("CREATE TABLE tracking_code_key ()")
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(empty_url)
    assert await _tables(empty) == ["clients", "schema_migrations", "tracking_code_key"]
    await empty.execute("DROP TABLE tracking_code_key")
    assert await migrate(empty_url) == NAMES[1:]


@pytest.fixture
async def reader(empty_url: str) -> AsyncIterator[Connection]:
    """A migrated database is read in a transaction that goes on: nobody else can change the table."""
    await migrate(empty_url)
    opened = await asyncpg.connect(empty_url)
    await opened.execute("BEGIN; SELECT FROM status_updates")
    yield opened
    await opened.close()


NEXT = Migration("99999999999999", "99999999999999_next.sql", "ALTER TABLE status_updates ADD COLUMN note text", "-")


async def test_who_comes_while_a_migration_waits_is_not_kept_waiting_for_long(
    empty_url: str, empty: Connection, reader: Connection
) -> None:
    migrator = await asyncpg.connect(empty_url)
    applied = asyncio.create_task(apply(migrator, NEXT))
    for _ in range(20):
        await empty.execute("SELECT FROM status_updates", timeout=5)
        await asyncio.sleep(0.1)
    assert not applied.done()
    await reader.execute("COMMIT")
    assert await applied == NEXT.name
    await empty.execute("SELECT note FROM status_updates")
    await migrator.close()


@pytest.mark.usefixtures("reader")
async def test_a_table_that_is_never_free_is_told_of(empty: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.db.migrate._ATTEMPTS", 2)
    with pytest.raises(MigrationError, match=r"^99999999999999_next\.sql waits for a table .+ pg_stat_activity"):
        await apply(empty, NEXT)
    assert await empty.fetchval("SELECT count(*) FROM schema_migrations WHERE version = $1", NEXT.version) == 0


INDEX = Migration(
    "99999999999999",
    "99999999999999_index.sql",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS by_city ON status_updates (city)",
    "-",
    in_transaction=False,
)


@pytest.fixture
async def writer(empty_url: str) -> AsyncIterator[Connection]:
    """A migrated database is written to in a transaction that goes on."""
    await migrate(empty_url)
    opened = await asyncpg.connect(empty_url)
    await opened.execute("BEGIN; UPDATE status_updates SET city = city")
    yield opened
    await opened.close()


async def test_an_index_is_made_while_others_write_and_wait_for_nothing(
    empty_url: str, empty: Connection, writer: Connection
) -> None:
    migrator = await asyncpg.connect(empty_url)
    applied = asyncio.create_task(apply(migrator, INDEX))
    for _ in range(10):
        await empty.execute("UPDATE status_updates SET city = city", timeout=1)
        await asyncio.sleep(0.05)
    assert not applied.done()  # it waits for the one who writes; nobody waits for it
    await writer.execute("COMMIT")
    assert await applied == INDEX.name
    assert await _is_valid(empty, "by_city")
    await migrator.close()


async def test_what_is_left_of_an_index_that_was_broken_off_is_made_anew(
    empty_url: str, empty: Connection, writer: Connection
) -> None:
    migrator = await asyncpg.connect(empty_url)
    applied = asyncio.create_task(apply(migrator, INDEX))
    await until("it is being made", lambda: _has(empty, "by_city"))
    await empty.execute("SELECT pg_terminate_backend($1)", migrator.get_server_pid())
    with pytest.raises(asyncpg.PostgresConnectionError):
        await applied
    assert not await _is_valid(empty, "by_city")
    await writer.execute("COMMIT")
    assert await apply(empty, INDEX) == INDEX.name
    assert await _is_valid(empty, "by_city")


async def test_a_database_that_dbmate_migrated_is_up_to_date(empty_url: str, empty: Connection) -> None:
    await empty.execute("CREATE TABLE schema_migrations (version character varying(128) PRIMARY KEY)")
    for migration in read_migrations():
        await empty.execute(migration.up)
        await empty.execute("INSERT INTO schema_migrations (version) VALUES ($1)", migration.version)
    assert await migrate(empty_url) == []


async def test_a_database_that_dbmate_half_migrated_gets_the_rest(empty_url: str, empty: Connection) -> None:
    first = read_migrations()[0]
    await empty.execute("CREATE TABLE schema_migrations (version character varying(128) PRIMARY KEY)")
    await empty.execute(first.up)
    await empty.execute("INSERT INTO schema_migrations (version) VALUES ($1)", first.version)
    assert await migrate(empty_url) == NAMES[1:]


async def test_what_the_down_parts_undo_can_be_done_again(empty_url: str, empty: Connection) -> None:
    before = await _objects(empty)
    await migrate(empty_url)
    after = await _objects(empty)
    for name in reversed(NAMES):
        await empty.execute(_down(name))
    await empty.execute("DROP TABLE schema_migrations")
    assert await _objects(empty) == before
    await migrate(empty_url)
    assert await _objects(empty) == after


async def test_of_a_client_that_had_too_many_sessions_those_go_on_that_were_continued_last(
    empty_url: str, empty: Connection
) -> None:
    await migrate(empty_url)
    name = "20261126000001_bounded_accounts.sql"
    await empty.execute(_down(name))
    await empty.execute("DELETE FROM schema_migrations WHERE version = $1", name.partition("_")[0])
    await insert(empty, "clients", {})
    await insert(empty, "clients", ANOTHER["clients"])
    await empty.execute(
        """
        INSERT INTO sessions (id, client_id, scopes, token_hashes, expires_at)
        SELECT gen_random_uuid(), id, '{account}', '{hash}', now() + n * interval '1 day'
          FROM clients CROSS JOIN generate_series(1, 1200) AS n
         WHERE id = $1 OR n <= 10
        """,
        CLIENT,
    )
    assert await migrate(empty_url) == [name]
    left = await empty.fetch("SELECT client_id, count(*) FROM sessions GROUP BY 1 ORDER BY 2")
    assert [(row["client_id"], row["count"]) for row in left] == [(ANOTHER["clients"]["id"], 10), (CLIENT, 1_000)]
    soonest = await empty.fetchval("SELECT min(expires_at) - now() FROM sessions WHERE client_id = $1", CLIENT)
    assert soonest.days in {200, 201}


def _down(name: str) -> str:
    text = files("app.db").joinpath("migrations", name).read_text(encoding="utf-8")
    return text.partition("-- migrate:down")[2].partition("\n")[2]


async def _has(connection: Connection, index: str) -> bool:
    return bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", index))


async def _is_valid(connection: Connection, index: str) -> bool:
    return bool(await connection.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = $1::regclass", index))


async def _tables(connection: Connection) -> list[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [row["tablename"] for row in rows]


async def _objects(connection: Connection) -> list[str]:
    """Everything of ours in the schema: tables, indexes, sequences, functions, triggers and types."""
    rows = await connection.fetch(
        """
        SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
         UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
         UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
         ORDER BY 1
        """
    )
    return [row[0] for row in rows]
