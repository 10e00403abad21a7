"""`postagens up`, whole and as a process of its own: from nothing to ready, through kills, to a clean end."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from app.embedded.connections import read_connections
from app.embedded.folder import free_port, is_free
from app.embedded.postgres import start_postgres
from app.embedded.valkey import start_valkey
from tests.embedded.processes import all_gone, command_line, descendants
from tests.service import JWT_SECRET
from tests.until import until_blocking

_PROJECT = Path(__file__).parents[2]
_OURS = ("DATABASE_URL", "REDIS_URL", "JWT_SECRET", "WEBHOOK_SECRET_KEYS", "HOST", "PORT", "PUBLIC_URL", "MAKELEVEL")


class Stack:
    """One `postagens up` and what can be asked about it."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        port: int | None = None,
        output: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """It runs beside its folder, where no developer has an `.env`; `port` is where others have told it to listen."""
        self.port = port or free_port()
        self.folder = folder
        self._output = output or folder.with_name(f"{folder.name} output")
        with self._output.open("wb") as file:
            self.process = subprocess.Popen(  # the output goes to a file: a full pipe would hold it up
                [sys.executable, "-m", "app.cli", "up", "--folder", str(folder)]
                + (["--port", str(self.port)] if "--port" not in arguments and port is None else [])
                + list(arguments),
                cwd=folder.parent,
                env={name: value for name, value in os.environ.items() if name not in _OURS}
                | {"PYTHONPATH": str(_PROJECT), **(environment or {})},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait_until_up(self) -> None:
        until_blocking(
            "it is up or has ended", lambda: "is ready" in self.output or self.process.poll() is not None, 90
        )
        assert "is ready" in self.output, self.output

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def page(self) -> bytes:
        """The tracking page, which has PUBLIC_URL in it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        connection.request("GET", "/", headers={"Accept": "text/html"})
        try:
            return connection.getresponse().read()
        finally:
            connection.close()

    def part(self, words: str) -> int | None:
        """The process that the supervisor started with these words in its command line."""
        children = (pid for pid in descendants(self.process.pid) if words in command_line(pid))
        return next((pid for pid in sorted(children) if "child.py" not in command_line(pid)), None)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def running(
    folder: Path, *arguments: str, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    stack = Stack(folder, *arguments, port=port, environment=environment)
    try:
        stack.wait_until_up()
        yield stack
    finally:
        stack.process.kill()
        stack.process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "a folder with spaces"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One that many tests look at; starting it takes a few seconds."""
    with running(tmp_path_factory.mktemp("up") / "shared folder", "--workers", "2") as stack:
        yield stack
        assert stack.end() == 0


def test_it_tells_where_to_look(stack: Stack) -> None:
    assert stack.answers()
    assert f"http://127.0.0.1:{stack.port}/docs" in stack.output
    assert "create-operator" in stack.output


def test_what_it_prints_leads_to_its_own_port(stack: Stack) -> None:
    assert f'content="http://127.0.0.1:{stack.port}/'.encode() in stack.page()


def test_other_commands_find_it(stack: Stack) -> None:
    connections = read_connections(stack.folder)
    assert connections.keys() == {"DATABASE_URL", "REDIS_URL", "JWT_SECRET", "WEBHOOK_SECRET_KEYS", "API_URL"}
    assert connections["API_URL"] == f"http://127.0.0.1:{stack.port}"


def test_it_runs_as_many_workers_as_were_asked_for(stack: Stack) -> None:
    assert len([pid for pid in descendants(stack.process.pid) if "app.worker" in command_line(pid)]) == 2


@pytest.mark.parametrize("words", ["app.main", "app.worker", "bin/postgres", "valkey-server"])
def test_a_part_that_is_killed_comes_back(stack: Stack, words: str) -> None:
    said_before = len(stack.output)
    until_blocking("it has begun", lambda: stack.part(words) is not None)
    killed = stack.part(words)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)

    until_blocking("it says so", lambda: "ended by SIGKILL" in stack.output[said_before:])
    until_blocking("it runs again", lambda: "runs again" in stack.output[said_before:], 30)
    until_blocking("the API is ready again", stack.answers, 30)
    until_blocking("it is another process", lambda: stack.part(words) not in (None, killed))


def test_a_taken_port_that_was_asked_for_is_one_sentence(stack: Stack, tmp_path: Path) -> None:
    other = Stack(tmp_path / "other", "--port", str(stack.port))

    assert other.process.wait(30) == 1
    assert other.output == f"Port {stack.port} is taken: choose another one, or none for the next that is free.\n"


def test_a_folder_in_use_is_one_sentence(stack: Stack) -> None:
    other = Stack(stack.folder, output=stack.folder.with_name("other output"))

    assert other.process.wait(30) == 1
    assert other.output == f"Another `make up` is using {stack.folder} (pid {stack.process.pid}).\n"
    assert stack.answers()


def test_ctrl_c_ends_everything_cleanly(folder: Path) -> None:
    with running(folder) as stack:
        family = descendants(stack.process.pid)

        assert stack.end() == 0

        assert all_gone(family)
        assert is_free(stack.port)
        assert not (folder / "connections.env").exists()


def test_kill_9_of_the_supervisor_leaves_no_orphan_and_the_next_start_works(folder: Path) -> None:
    with running(folder) as stack:
        family = descendants(stack.process.pid)
        stack.process.kill()
        until_blocking("nothing of it is left", partial(all_gone, family), 20)
        assert read_connections(folder) == {}

    with running(folder) as stack:
        assert stack.answers()
        family = descendants(stack.process.pid)
        stack.process.terminate()

        assert stack.process.wait(60) == 0
        assert all_gone(family)


def test_a_second_ctrl_c_ends_everything_at_once(folder: Path) -> None:
    with running(folder) as stack:
        family = descendants(stack.process.pid)
        api = stack.part("app.main")
        assert api is not None
        # A stopped process does not hear SIGTERM: the clean end would wait its full bound for it.
        os.kill(api, signal.SIGSTOP)
        stack.process.send_signal(signal.SIGINT)
        until_blocking("it is stopping", lambda: "Stopping." in stack.output)
        stack.process.send_signal(signal.SIGINT)

        assert stack.process.wait(5) == 1
        until_blocking("nothing of it is left", partial(all_gone, family), 20)


def test_servers_of_the_environment_are_used(folder: Path, tmp_path: Path) -> None:
    with (
        start_postgres(tmp_path / "postgres", durable=False) as postgres,
        start_valkey(tmp_path / "valkey", durable=False) as valkey,
        running(folder, environment={"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}) as stack,
    ):
        assert stack.answers()
        assert stack.part("bin/postgres") is None
        assert stack.part("valkey-server") is None
        assert read_connections(folder)["DATABASE_URL"] == postgres.url
        assert stack.end() == 0


def test_what_the_env_file_says_is_heard_like_the_environment(tmp_path: Path) -> None:
    with start_postgres(tmp_path / "postgres", durable=False) as postgres:
        port = free_port()
        (tmp_path / ".env").write_text(
            f"DATABASE_URL={postgres.url}\nPORT={port}\nPUBLIC_URL=https://rastreio.example.com.br\nJWT_SECRET={JWT_SECRET}\n"
        )
        with running(tmp_path / "var", port=port) as stack:
            assert stack.answers()
            assert b'content="https://rastreio.example.com.br/' in stack.page()
            assert stack.part("bin/postgres") is None
            connections = read_connections(tmp_path / "var")
            assert connections["DATABASE_URL"] == postgres.url
            assert connections["JWT_SECRET"] == JWT_SECRET
            assert stack.end() == 0


def test_the_environment_stands_above_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DATABASE_URL=\nPORT={free_port()}\nPUBLIC_URL=https://other.example\n")
    port = free_port()
    environment = {"PORT": str(port), "PUBLIC_URL": "https://rastreio.example.com.br"}
    with running(tmp_path / "var", port=port, environment=environment) as stack:
        assert stack.answers()
        assert b'content="https://rastreio.example.com.br/' in stack.page()
        assert stack.part("bin/postgres") is not None
        assert stack.end() == 0


def test_a_database_that_is_not_there_is_told_and_nothing_stays(folder: Path) -> None:
    stack = Stack(folder, environment={"DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"})

    assert stack.process.wait(60) == 1
    assert "The database could not be brought to this release" in stack.output
    assert "Traceback" not in stack.output
