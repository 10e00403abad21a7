"""Starts what is measured: processes of the product and of its rivals, on the cores they may use, and what they cost."""

import http.client
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from app.embedded.process import Process, spawn

ROOT: Final = Path(__file__).parents[1]
_STOP_SECONDS: Final = 10.0
_READY_WITHIN: Final = 60.0
_LOOK_AGAIN: Final = 0.02
_KB: Final = 1024
# Fields of proc_pid_stat(5), counted from the third.
_SESSION: Final = 3
_TICKS: Final = slice(11, 15)


class NotMeasured(Exception):
    """Something did not do what it was to be measured at; the message says what."""


def first_core() -> set[int]:
    """Where the one process stands that is measured over HTTP."""
    return {min(os.sched_getaffinity(0))}


def other_cores() -> set[int]:
    """Where everything else stands meanwhile; on a machine with one core, the same."""
    return os.sched_getaffinity(0) - first_core() or first_core()


@contextmanager
def running(
    argv: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    cores: set[int] | None = None,
    cwd: Path | None = None,
) -> Iterator[Process]:
    """Run a program, all its output in `log`, and stop it and whatever it started at the end."""
    with log.open("ab") as output:
        popen = spawn(
            argv,
            death_signal=signal.SIGTERM,
            environment={"PATH": os.environ.get("PATH", os.defpath), "PYTHONUNBUFFERED": "1", **environment},
            output=output.fileno(),
            cwd=cwd or log.parent,
        )
    if cores:
        os.sched_setaffinity(popen.pid, cores)
    try:
        with Process(popen, ladder=((signal.SIGTERM, _STOP_SECONDS),)) as process:
            yield process
    finally:
        # It has a session of its own: what it leaves behind is in it.
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)


def module(name: str, *arguments: str) -> list[str]:
    """The words that run a module of ours."""
    return [sys.executable, "-m", name, *arguments]


def wait_until_answers(port: int, path: str, process: Process, log: Path) -> None:
    """Return when GET of the path is answered 200; raises NotMeasured with the log's end when it is not."""
    give_up = time.monotonic() + _READY_WITHIN
    while not answers(port, path):
        if process.exit_code() is not None or time.monotonic() > give_up:
            raise NotMeasured(
                f"nobody answered at {path}:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
            )
        time.sleep(_LOOK_AGAIN)


def answers(port: int, path: str) -> bool:
    """Whether GET of the path is answered 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def cpu_seconds(pid: int) -> float:
    """Of the processor, what a process that `running` started and whatever that one started have used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended while we looked
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            if int(fields[_SESSION]) == pid:
                ticks += sum(map(int, fields[_TICKS]))
    return ticks / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> dict[str, float]:
    """Resident memory of a process: all of it (RSS), and with shared pages counted by how many share them (PSS)."""
    fields = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:])
    sizes = {words[0].rstrip(":"): int(words[1]) / _KB for words in fields}
    return {"RSS": sizes["Rss"], "PSS": sizes["Pss"]}
