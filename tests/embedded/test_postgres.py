"""The data folder of the embedded PostgreSQL, and what its roles may do."""

import os
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.embedded.errors import EmbeddedError
from app.embedded.postgres import PostgresServer, start_postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with start_postgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


async def test_its_role_makes_databases_from_templates_and_is_no_superuser(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.url)
    await connection.execute("CREATE DATABASE copy TEMPLATE template0")
    await connection.execute("DROP DATABASE copy")
    superuser = await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    await connection.close()
    assert superuser is False


async def test_its_superuser_enters_the_same_database(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.superuser_url)
    found = await connection.fetchrow("SELECT current_database(), rolsuper FROM pg_roles WHERE rolname = current_user")
    await connection.close()
    assert found is not None
    assert tuple(found) == ("postagens", True)


async def test_it_is_utf8_checksummed_and_in_utc(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.superuser_url)
    settings = {
        name: await connection.fetchval("SELECT current_setting($1)", name)
        for name in ("server_encoding", "data_checksums", "TimeZone", "unix_socket_directories", "lc_messages")
    }
    locale = await connection.fetchval("SELECT datlocale FROM pg_database WHERE datname = current_database()")
    await connection.close()
    assert list(settings.values()) == ["UTF8", "on", "UTC", "", "C"]
    assert locale == "C.UTF-8"


async def test_a_durable_one_waits_for_the_disk(tmp_path: Path) -> None:
    with start_postgres(tmp_path) as server:
        connection = await asyncpg.connect(server.url)
        waits = [await connection.fetchval("SELECT current_setting($1)", name) for name in _DURABILITY]
        await connection.close()
    assert waits == ["on", "on", "on"]


_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


def test_what_a_killed_first_start_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data.new" / "base").mkdir(parents=True)
    (tmp_path / "data.new" / "PG_VERSION").write_text("18\n")
    (tmp_path / "initdb.password").write_text("half")

    with start_postgres(tmp_path, durable=False):
        assert not (tmp_path / "data.new").exists()
        assert not (tmp_path / "initdb.password").exists()


def test_a_pid_file_that_names_a_living_process_is_known_to_be_stale(tmp_path: Path) -> None:
    server = start_postgres(tmp_path, durable=False)
    server.kill()
    pid_file = tmp_path / "data" / "postmaster.pid"
    _, *rest = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getppid()), *rest]))

    with start_postgres(tmp_path, durable=False) as again:
        assert again.exit_code() is None


def test_data_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedError, match="holds data of PostgreSQL 17, and this is PostgreSQL 18"):
        start_postgres(tmp_path, durable=False)


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("not a folder")

    with pytest.raises(EmbeddedError, match="cannot be used"):
        start_postgres(tmp_path / "postgres", durable=False)


def test_a_failed_start_gives_the_folder_back(tmp_path: Path) -> None:
    with start_postgres(tmp_path, durable=False):
        pass
    (tmp_path / "data" / "PG_VERSION").rename(tmp_path / "PG_VERSION")
    with pytest.raises(EmbeddedError):
        start_postgres(tmp_path, durable=False)
    (tmp_path / "PG_VERSION").rename(tmp_path / "data" / "PG_VERSION")

    with start_postgres(tmp_path, durable=False) as server:
        assert server.exit_code() is None


async def test_settings_and_options_of_the_caller_come_on_top(tmp_path: Path) -> None:
    with start_postgres(tmp_path, durable=False, settings={"fsync": "on"}, initdb=["--wal-segsize=1"]) as server:
        connection = await asyncpg.connect(server.url)
        found = [await connection.fetchval("SELECT current_setting($1)", name) for name in _OURS_AND_THEIRS]
        await connection.close()
    assert found == ["on", "off", "1MB"]


_OURS_AND_THEIRS = ("fsync", "synchronous_commit", "wal_segment_size")


async def test_a_client_that_vanished_is_given_up_within_20_s(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.url)
    names = ("idle", "interval", "count")
    idle, interval, count = [
        # Of this very socket, as the kernel has it.
        int(await connection.fetchval("SELECT current_setting($1)", f"tcp_keepalives_{name}"))
        for name in names
    ]
    unanswered_ms = int(await connection.fetchval("SELECT current_setting('tcp_user_timeout')"))
    await connection.close()
    assert idle + interval * count == 20
    assert unanswered_ms == 20_000
