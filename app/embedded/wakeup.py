"""Lets the supervisor sleep until something happens: a child ended, or somebody asked to stop."""

import os
import select
import signal
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

_ASKING_TO_STOP: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_AT_MAKE: Final = 0.5


class Wakeup:
    """While entered, signals end `wait` early; a request to stop sets `stopping`, a second Ctrl-C ends all at once."""

    def __init__(self, *, make: int | None = None) -> None:
        """`make` is the process that started us and that keeps for itself what is sent to it alone.

        On a Ctrl-C or a closed terminal it blocks the signal and waits for us to end, in the belief that we have heard it.
        """
        self.stopping = False
        self._make = make
        self._blocked_before = _blocked_signals(make) if make else 0

    def wait(self, seconds: float) -> None:
        """Sleep, at most so long."""
        if self._make:
            seconds = min(seconds, _LOOK_AT_MAKE)
        if select.select([self._reader], [], [], max(0.0, seconds))[0]:
            os.read(self._reader, 4096)
        if self._make:
            blocked = _blocked_signals(self._make)
            if blocked & ~self._blocked_before:
                self.stopping = True
            # What make had blocked for a moment, while it started us, is no longer to be expected.
            self._blocked_before &= blocked

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.stopping and number == signal.SIGINT:
            # Every child hangs on this process's life: they go with it.
            os._exit(1)
        self.stopping = True

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wakeup_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # A handler of its own makes the end of a child a signal that wakes; by default it is ignored.
        self._handlers = {signal.SIGCHLD: signal.signal(signal.SIGCHLD, lambda _number, _frame: None)}
        for number in _ASKING_TO_STOP:
            # `nohup` means that a closed terminal is no reason to stop.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_fd)
        os.close(self._reader)
        os.close(self._writer)


def _blocked_signals(pid: int) -> int:
    """Those of the signals that ask to stop which this process has blocked, as bits."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    blocked = next((int(line.split()[1], 16) for line in lines if line.startswith("SigBlk:")), 0)
    return blocked & sum(1 << (number - 1) for number in _ASKING_TO_STOP)
