"""Starts a program that cannot outlive this process, and stops it politely, then firmly, in bounded time."""

import json
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from app.embedded import child
from app.embedded.errors import EmbeddedError

# The servers need nothing of the caller's environment, and PG*, LC_* and LD_* would only bend them.
SERVER_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Identity:
    """The user and group that a child becomes when root starts it."""

    user: int
    group: int


def server_identity(data: Path) -> Identity | None:
    """Who a server on this data folder runs as: when we are root its owner or `nobody`, otherwise ourselves (None)."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Identity(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Identity(65534, 65534)
    return Identity(nobody.pw_uid, nobody.pw_gid)


def paths_in(environment: Mapping[str, str]) -> list[Path]:
    """The files and folders that an environment names by their absolute paths."""
    return [Path(value) for value in environment.values() if value.startswith("/") and Path(value).exists()]


def spawn(
    argv: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    environment: Mapping[str, str] | None = None,
    identity: Identity | None = None,
    reach: Sequence[Path] = (),
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
    output: int,
    keep_open: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own; the kernel sends it `death_signal` when we end, however we end.

    `environment` is all that it gets of one (None: ours); as `identity` it keeps only what it needs to read `reach`.
    """
    if threading.current_thread() is not threading.main_thread():
        # The kernel ties the death signal to the thread that started the child, not to the process.
        raise RuntimeError("Children are started from the main thread: they die with the thread that started them.")
    plan: child.Plan = {
        "argv": [child.written(argument) for argument in argv],
        "variables": None if environment is None else list(environment),
        "death_signal": int(death_signal),
        "parent": os.getpid(),
        "user": identity.user if identity else None,
        "group": identity.group if identity else None,
        "reach": [child.written(path) for path in reach],
    }
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", str(Path(child.__file__).resolve()), json.dumps(plan)],
        # The terminal's Ctrl-C must not reach it: the supervisor decides the order.
        start_new_session=True,
        # The launcher may need ours to find its own Python, and takes away what the program must not see.
        env=None if environment is None else {**os.environ, **environment},
        cwd=cwd,
        stdin=stdin,
        stdout=output,
        stderr=output if output != subprocess.PIPE else subprocess.STDOUT,
        pass_fds=keep_open,
    )


class Process:
    """A running child. `stop` is clean and bounded, `kill` is at once; leaving the `with` block stops it."""

    def __init__(
        self,
        popen: "subprocess.Popen[bytes]",
        *,
        ladder: Sequence[tuple[signal.Signals, float]],
        at_end: Callable[[], None] | None = None,
    ) -> None:
        """`ladder` is how it is stopped: each signal with the seconds to wait for it; SIGKILL ends every ladder."""
        self._popen = popen
        self._ladder = ladder
        self._at_end = at_end
        self._asked: float | None = None

    @property
    def pid(self) -> int:
        return self._popen.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._popen.poll()

    def ask_to_stop(self) -> float:
        """Send the first signal of the ladder, once, and do not wait; return when that was."""
        if self._asked is None:
            self._popen.send_signal(self._ladder[0][0])
            self._asked = time.monotonic()
        return self._asked

    def stop(self) -> None:
        asked = self.ask_to_stop()
        (_, first_patience), *further = self._ladder
        if not self._ended_within(asked + first_patience - time.monotonic()):
            for number, patience in further:
                self._popen.send_signal(number)
                if self._ended_within(patience):
                    break
        self.kill()

    def _ended_within(self, seconds: float) -> bool:
        try:
            self._popen.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        if self.exit_code() is None:
            self._popen.kill()
            self._popen.wait()
        if self._at_end:
            self._at_end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def last_lines(log: Path, *, since: int = 0, count: int = 20) -> list[str]:
    """The end of what a log holds after byte `since`: what a program said before it ended."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since, size - 16_384))
        return file.read().decode(errors="replace").strip().splitlines()[-count:]


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def run_to_the_end(
    argv: Sequence[str | Path], *, identity: Identity | None, reach: Sequence[Path], cwd: Path, text: str = ""
) -> str:
    """Run a program of a server that ends by itself; return its output, or raise EmbeddedError with its last words."""
    popen = spawn(
        argv,
        death_signal=signal.SIGKILL,
        environment=SERVER_ENVIRONMENT,
        identity=identity,
        reach=reach,
        cwd=cwd,
        stdin=subprocess.PIPE,
        output=subprocess.PIPE,
    )
    with popen:
        try:
            output = popen.communicate(text.encode())[0].decode(errors="replace").strip()
        except BaseException:
            popen.kill()
            raise
    if popen.returncode != 0:
        words = output.splitlines()[-1] if output else how_it_ended(popen.returncode)
        raise EmbeddedError("The disk is full." if "No space left on device" in output else words)
    return output
