"""PostgreSQL 18 from a wheel: makes its data folder once, starts it on loopback, stops it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.embedded.binaries import PostgresBinaries, find_postgres
from app.embedded.errors import EmbeddedError
from app.embedded.folder import FolderLock, keep_secret, open_folder
from app.embedded.process import SERVER_ENVIRONMENT, Identity, paths_in, run_to_the_end, server_identity, spawn
from app.embedded.server import Server, ServerStart, locked

VERSION: Final = "18"

# A clean stop is a fast shutdown; an immediate one is bounded by PostgreSQL itself, and SIGKILL follows both.
_LADDER: Final = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 7.0))
# Without a parent nobody would lose patience with a slow shutdown: the immediate one always ends (backends that do not
# obey are killed after 5 s), and what was committed is recovered at the next start.
_DEATH_SIGNAL: Final = signal.SIGQUIT

_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    # A client that vanished without a word (its machine lost power, a firewall forgot the connection) gives its locks and
    # its place back within 20 s. The kernel's own patience is two hours for silence and 15 minutes for an answer.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "20s",
}
_FORGETFUL: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_NOTHING: Final[Mapping[str, str]] = {}

_MAKE_DATABASE: Final = """
CREATE ROLE postagens LOGIN CREATEDB PASSWORD '{password}';
CREATE DATABASE postagens OWNER postagens;
"""


class PostgresServer(Server):
    """A running PostgreSQL: `url` is the service's own role, `superuser_url` the one that may do everything."""

    superuser_url: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one PostgreSQL lives, with what and as whom it runs."""

    binaries: PostgresBinaries
    folder: Path
    data: Path
    identity: Identity | None
    password: str
    superuser_password: str
    settings: Mapping[str, str]
    environment: Mapping[str, str]

    def url(self, role: str, password: str, port: int) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{port}/postagens"


def start_postgres(
    folder: Path,
    *,
    port: int | None = None,
    durable: bool = True,
    preferred: int | None = None,
    settings: Mapping[str, str] = _NOTHING,
    environment: Mapping[str, str] = _NOTHING,
    initdb: Sequence[str] = (),
) -> PostgresServer:
    """Start PostgreSQL on the data in `folder`, making it at the first call; return when it accepts connections.

    Without `port` it is the last one or else `preferred`, or the next free one; without either, any free one.
    Not `durable` is several times faster and loses data with the machine's power, not with the process: for tests.
    `settings` and `environment` are the server's, over and above ours (it will be able to read what has its absolute path
    there); `initdb` are more options for making the data.
    Raises EmbeddedError with one sentence that tells what is wrong.
    """
    binaries = find_postgres()
    folder = open_folder(folder)
    with locked(folder, user="PostgreSQL") as lock:
        place = _Place(
            binaries=binaries,
            folder=folder,
            data=folder / "data",
            identity=server_identity(folder / "data"),
            password=keep_secret(folder / "password"),
            superuser_password=keep_secret(folder / "superuser_password"),
            settings=_SETTINGS | ({} if durable else _FORGETFUL) | dict(settings),
            environment=environment,
        )
        _prepare(place, [*([] if durable else ["--no-sync"]), *initdb])
        return _start(place, lock, port=port, preferred=preferred)


def _prepare(place: _Place, initdb: Sequence[str]) -> None:
    data = place.data
    if not data.exists():
        _make_data(place, initdb)
    found = (data / "PG_VERSION").read_text(encoding="ascii").strip() if (data / "PG_VERSION").exists() else "nothing"
    if found != VERSION:
        raise EmbeddedError(
            f"{data} holds data of PostgreSQL {found}, and this is PostgreSQL {VERSION}:"
            " move the folder away, or dump it with the old version and restore it here."
        )


def _make_data(place: _Place, options: Sequence[str]) -> None:
    """Make the data folder beside its place and move it there when complete: a kill leaves nothing half-made."""
    draft = place.folder / "data.new"
    password_file = place.folder / "initdb.password"
    _remove(draft, password_file)
    try:
        draft.mkdir(mode=0o700)
        password_file.touch(mode=0o600)
        password_file.write_text(place.superuser_password, encoding="ascii")
        if place.identity:
            os.chown(draft, place.identity.user, place.identity.group)
            os.chown(password_file, place.identity.user, place.identity.group)
        _run_initdb(place, draft, password_file, options)
        draft.rename(place.data)
    except OSError as error:
        raise EmbeddedError(
            f"PostgreSQL's data folder could not be made in {place.folder}: {error.strerror}."
        ) from error
    finally:
        _remove(draft, password_file)
    _sync_folder(place.folder)


def _run_initdb(place: _Place, draft: Path, password_file: Path, options: Sequence[str]) -> None:
    initdb: list[str | Path] = [
        place.binaries.initdb,
        *("--pgdata", draft),
        *("--username", "postgres"),
        *("--pwfile", password_file),
        *("--auth", "scram-sha-256"),
        *("--encoding", "UTF8"),
        *("--locale-provider", "builtin"),
        *("--builtin-locale", "C.UTF-8"),
        "--data-checksums",
        *options,
    ]
    single: list[str | Path] = [
        place.binaries.postgres,
        "--single",
        "-D",
        draft,
        *_options(place.settings),
        "postgres",
    ]
    try:
        _run(place, initdb, draft, password_file)
        # Alone with the files, no network yet: when the folder gets its name, role and database are in it.
        _run(place, single, draft, text=_MAKE_DATABASE.format(password=place.password))
    except EmbeddedError as error:
        raise EmbeddedError(f"PostgreSQL's data folder could not be made in {place.folder}: {error}") from error


def _run(place: _Place, argv: list[str | Path], *reach: Path, text: str = "") -> None:
    run_to_the_end(
        argv,
        text=text,
        identity=place.identity,
        reach=(*place.binaries.reads, *reach),
        cwd=place.folder,
    )


def _remove(draft: Path, password_file: Path) -> None:
    password_file.unlink(missing_ok=True)
    if draft.exists():
        shutil.rmtree(draft)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _options(settings: Mapping[str, str]) -> Iterator[str]:
    for name, value in settings.items():
        yield from ("-c", f"{name}={value}")


def _start(place: _Place, lock: FolderLock, *, port: int | None, preferred: int | None) -> PostgresServer:
    # We hold the lock that every process of a PostgreSQL running here would hold: this file is from a killed one, and
    # the process id in it may by now be somebody else's, which PostgreSQL would take for a running server.
    (place.data / "postmaster.pid").unlink(missing_ok=True)

    def launch(port: int, log: int) -> "subprocess.Popen[bytes]":
        return spawn(
            [place.binaries.postgres, "-D", place.data, *_options({**place.settings, "port": str(port)})],
            death_signal=_DEATH_SIGNAL,
            environment=SERVER_ENVIRONMENT | dict(place.environment),
            identity=place.identity,
            reach=(*place.binaries.reads, place.data, *paths_in(place.environment)),
            cwd=place.folder,
            output=log,
            keep_open=(lock.descriptor,),
        )

    def answers(port: int, pid: int) -> bool:
        return _is_ready(place.data, pid) and _accepts_connections(place.binaries.pg_isready, port)

    start = ServerStart("PostgreSQL", place.folder, launch=launch, answers=answers, patience=120)
    popen, chosen = start.on(port, preferred=preferred)
    url = place.url("postagens", place.password, chosen)
    server = PostgresServer(popen, lock=lock, ladder=_LADDER, port=chosen, url=url)
    server.superuser_url = place.url("postgres", place.superuser_password, chosen)
    return server


def _is_ready(data: Path, pid: int) -> bool:
    """What this very server says of itself in its pid file; another one on the same port cannot be taken for it."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"  # noqa: PLR2004 (the eighth is the state)


def _accepts_connections(pg_isready: Path, port: int) -> bool:
    asked = subprocess.run(  # noqa: S603
        [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postagens", "-d", "postagens", "-t", "3"],
        env=SERVER_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return asked.returncode == 0
