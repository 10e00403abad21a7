"""Keeps the parts of a running system alive: notices an end at once and starts again, slower with each failure."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from app.embedded.errors import EmbeddedError
from app.embedded.process import Process, how_it_ended
from app.embedded.wakeup import Wakeup

_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 10.0
_HEALTHY_AFTER: Final = 30.0


class Part:
    """One process of the system, and how to start it (again)."""

    def __init__(
        self, name: str, process: Process, *, restart: Callable[[], Process], log: Path, said_before: int = 0
    ) -> None:
        """`said_before` is where in the log the words of this start begin, in bytes."""
        self.name = name
        self.log = log
        self.said_before = said_before
        self.process = process
        self._restart = restart
        self._failures = 0
        self._started = time.monotonic()
        self._due: float | None = None

    def tend(self, say: Callable[[str], None]) -> float:
        """Start the process again if it ended and its time has come; return the seconds until the next look is due."""
        now = time.monotonic()
        if self._due is None:
            code = self.process.exit_code()
            if code is None:
                return _LONGEST_DELAY
            # What the ended process still holds (a lock) is given back here.
            self.process.kill()
            delay = self._put_off(now)
            say(f"{self.name} {how_it_ended(code)}; it starts again in {delay:g} s (log: {self.log}).")
            return delay
        if now < self._due:
            return self._due - now
        try:
            self.process = self._restart()
        except (EmbeddedError, OSError) as error:
            delay = self._put_off(now)
            say(f"{self.name} did not start again: {error} Next attempt in {delay:g} s.")
            return delay
        self._due = None
        self._started = time.monotonic()
        say(f"{self.name} runs again (pid {self.process.pid}).")
        return _LONGEST_DELAY

    def _put_off(self, now: float) -> float:
        if now - self._started > _HEALTHY_AFTER:
            self._failures = 0
        delay: float = min(_FIRST_DELAY * 2**self._failures, _LONGEST_DELAY)
        self._failures += 1
        self._due = now + delay
        return delay


def supervise(parts: Sequence[Part], wakeup: Wakeup, say: Callable[[str], None]) -> None:
    """Tend the parts until somebody asks to stop."""
    while not wakeup.stopping:
        wakeup.wait(min(part.tend(say) for part in parts))


def stop_together(processes: Sequence[Process]) -> None:
    """Stop processes that do not depend on each other: all are asked at once, then awaited, each within its bound."""
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.stop()
