"""What the two embedded servers share: a locked folder, a port, and a start that ends when the server answers."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.embedded.errors import EmbeddedError
from app.embedded.folder import FolderLock, free_port, free_port_from, is_free, open_log, write_private
from app.embedded.process import Process, how_it_ended, last_lines


@contextmanager
def locked(folder: Path, *, user: str) -> Iterator[FolderLock]:
    """Take the folder's lock for a start; it is given back only when the start fails, else the server keeps it."""
    # What a killed supervisor left is gone in a moment: PostgreSQL needs the longest, 5 s, to end its last processes.
    lock = FolderLock(folder, user=user, patience=20)
    try:
        yield lock
    except OSError as error:
        lock.release()
        raise EmbeddedError(f"{user} cannot use {error.filename or folder}: {error.strerror}.") from error
    except BaseException:
        lock.release()
        raise


class Server(Process):
    """A running embedded server that answers at `url`."""

    def __init__(
        self,
        popen: "subprocess.Popen[bytes]",
        *,
        lock: FolderLock,
        ladder: Sequence[tuple[signal.Signals, float]],
        port: int,
        url: str,
    ) -> None:
        super().__init__(popen, ladder=ladder, at_end=lock.release)
        self.port = port
        self.url = url


class ServerStart:
    """One attempt after the other to start a server on a port, until it answers or the reason why not is known."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        launch: Callable[[int, int], "subprocess.Popen[bytes]"],
        answers: Callable[[int, int], bool],
        patience: float,
    ) -> None:
        """`launch(port, log)` starts it and `answers(port, pid)` asks it; `patience` is in seconds."""
        self._name = name
        self._folder = folder
        self._log = folder / f"{name.lower()}.log"
        self._launch = launch
        self._answers = answers
        self._patience = patience

    def on(self, port: int | None, *, preferred: int | None) -> tuple["subprocess.Popen[bytes]", int]:
        """Start on `port`; without one, on the last or `preferred` one or the next free; without either, on any."""
        if port is not None:
            if not is_free(port):
                raise EmbeddedError(f"{self._name} cannot start: port {port} on 127.0.0.1 is taken.")
            return self._attempt(port), port
        while True:
            chosen = free_port() if preferred is None else free_port_from(self._remembered_port() or preferred)
            try:
                popen = self._attempt(chosen)
            except EmbeddedError:
                if is_free(chosen):
                    raise
                # Somebody else took the port between the look and the start.
                continue
            if preferred is not None:
                write_private(self._folder / "port", f"{chosen}\n")
            return popen, chosen

    def _attempt(self, port: int) -> "subprocess.Popen[bytes]":
        log = open_log(self._log)
        try:
            said_before = os.fstat(log).st_size
            popen = self._launch(port, log)
        finally:
            os.close(log)
        try:
            self._wait(popen, port, said_before)
        except BaseException:
            popen.kill()
            popen.wait()
            raise
        return popen

    def _wait(self, popen: "subprocess.Popen[bytes]", port: int, said_before: int) -> None:
        give_up = time.monotonic() + self._patience
        while not self._answers(port, popen.pid):
            try:
                code = popen.wait(0.03)
            except subprocess.TimeoutExpired:
                if time.monotonic() < give_up:
                    continue
                raise EmbeddedError(
                    f"{self._name} did not answer within {self._patience:.0f} s (log: {self._log})."
                ) from None
            words = _reason(last_lines(self._log, since=said_before)) or how_it_ended(code)
            raise EmbeddedError(f"{self._name} could not start: {words} (log: {self._log})")

    def _remembered_port(self) -> int | None:
        try:
            text = (self._folder / "port").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdigit() else None


def _reason(lines: Sequence[str]) -> str:
    """The line of a log that tells why the program ended: the first grave one, or the last."""
    grave = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "Fatal", "Bad file format"))]
    return (grave or lines or [""])[-1 if not grave else 0].strip()
