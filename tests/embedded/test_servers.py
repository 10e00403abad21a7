"""What holds for both embedded servers."""

import os
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
import redis.exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.embedded.errors import EmbeddedError
from app.embedded.folder import free_port
from app.embedded.postgres import start_postgres
from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from tests.embedded.memory import recall, remember
from tests.embedded.processes import all_gone, command_line, descendants, user_of
from tests.until import until_blocking

Start = Callable[..., Server]

both = pytest.mark.parametrize("start", [start_postgres, start_valkey])
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a folder with spaces"


@both
async def test_what_was_written_survives_a_stop(start: Start, folder: Path) -> None:
    with start(folder) as server:
        await remember(server.url, "parcel")

    with start(folder) as server:
        assert await recall(server.url) == "parcel"


@both
async def test_what_was_written_survives_a_kill(start: Start, folder: Path) -> None:
    server = start(folder)
    await remember(server.url, "parcel")
    server.kill()

    with start(folder, port=server.port) as again:
        assert again.url == server.url
        assert await recall(again.url) == "parcel"


@both
def test_a_stop_leaves_no_process(start: Start, folder: Path) -> None:
    with start(folder, durable=False) as server:
        everything = {server.pid, *descendants(server.pid)}

    assert all_gone(everything)


@both
def test_a_folder_in_use_is_one_sentence(start: Start, folder: Path) -> None:
    with (
        start(folder, durable=False),
        pytest.raises(EmbeddedError, match=rf"^Another \w+ is using .+ \(pid {os.getpid()}\)\.$"),
    ):
        start(folder, durable=False)


@both
def test_a_taken_port_is_one_sentence(start: Start, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as somebody:
        port = somebody.getsockname()[1]
        with pytest.raises(EmbeddedError, match=rf"^\w+ cannot start: port {port} on 127.0.0.1 is taken\.$"):
            start(folder, port=port, durable=False)


def test_the_port_stays_the_same_between_runs(folder: Path) -> None:
    with start_valkey(folder, preferred=free_port(), durable=False) as first:
        pass

    with start_valkey(folder, preferred=free_port(), durable=False) as second:
        assert second.port == first.port


def test_a_preferred_port_that_is_taken_is_passed_over(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as somebody:
        taken = somebody.getsockname()[1]
        with start_valkey(folder, preferred=taken, durable=False) as server:
            assert server.port > taken


@both
def test_the_environment_changes_nothing(start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LC_ALL": "xx_YY.UTF-8",
        "LANG": "pt_BR.ISO-8859-1",
        "LANGUAGE": "pt",
        "PGHOST": "database.invalid",
        "PGPORT": "1",
        "PGDATA": "/nonexistent",
        "PGOPTIONS": "-c no_such_setting=1",
        "TZ": "America/Sao_Paulo",
        "HOME": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)

    with start(folder, durable=False) as server:
        environment = Path(f"/proc/{server.pid}/environ").read_text(encoding="utf-8").split("\0")
    assert not [entry for entry in environment if entry.startswith(("PGHOST", "PGPORT", "LANG", "HOME", "TZ"))]


@both
def test_the_password_is_nowhere_to_be_read(start: Start, folder: Path) -> None:
    with start(folder, durable=False) as server:
        password = (folder / "password").read_text(encoding="ascii").strip()
        assert password in server.url
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        assert not [pid for pid in descendants(os.getpid()) if password in command_line(pid)]


def test_the_callers_environment_reaches_it_with_what_it_names(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "note").write_text("x")

    with start_postgres(tmp_path / "server", durable=False, environment={"NOTE": str(closed / "note")}) as server:
        environment = Path(f"/proc/{server.pid}/environ").read_text(encoding="utf-8").split("\0")
    assert f"NOTE={closed / 'note'}" in environment


async def test_nobody_enters_postgres_without_its_password(folder: Path) -> None:
    with start_postgres(folder, durable=False) as server:
        for role in ("postagens", "postgres"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(f"postgresql://{role}:guess@127.0.0.1:{server.port}/postagens")


async def test_nobody_enters_valkey_without_its_password(folder: Path) -> None:
    with start_valkey(folder, durable=False) as server:
        async with Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as client:
            with pytest.raises(redis.exceptions.AuthenticationError):
                await client.get("word")


@both
def test_it_listens_on_loopback_alone(start: Start, folder: Path) -> None:
    with start(folder, durable=False) as server:
        listening = {
            line.split()[1]
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
            if line.split()[3] == "0A"
        }
    # The kernel writes 127.0.0.1 in hexadecimal, last byte first.
    assert {address for address in listening if address.endswith(f":{server.port:04X}")} == {
        f"0100007F:{server.port:04X}"
    }


@both
async def test_the_processes_of_a_killed_parent_do_not_hinder_the_next_start(start: Start, folder: Path) -> None:
    server = start(folder)
    await remember(server.url, "parcel")
    helpers = descendants(server.pid)
    # Not through the server object: as if somebody else had done it.
    os.kill(server.pid, signal.SIGKILL)
    until_blocking("the end is noticed", lambda: server.exit_code() is not None)
    server.kill()

    with start(folder, port=server.port) as again:
        assert all_gone(helpers)
        assert await recall(again.url) == "parcel"


@as_root
@both
async def test_root_works_in_a_folder_that_others_cannot_enter(start: Start, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with start(closed / "var" / "server", durable=False) as server:
        assert user_of(server.pid) != 0
        await remember(server.url, "parcel")
        assert await recall(server.url) == "parcel"


@as_root
@both
async def test_root_uses_somebodys_data_as_that_user(start: Start, folder: Path) -> None:
    with start(folder) as server:
        await remember(server.url, "parcel")
    for entry in (folder / "data", *(folder / "data").rglob("*")):
        os.chown(entry, 1, 1)

    with start(folder) as server:
        assert user_of(server.pid) == 1
        assert await recall(server.url) == "parcel"
    assert not [entry for entry in (folder / "data").rglob("*") if entry.stat().st_uid != 1]
