"""Shows how far the replay is: bars on a terminal, a line for each finished phase elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rich.console import Console

    from app.replay.ledger import Ledger


class Phase:
    """One stretch of work with a known end."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self.done = 0

    def advance(self, count: int) -> None:
        """So many more are done."""
        self.done += count
        self._progress.advance(self._task, count)


class Phases:
    """The phases of one replay, timed in the ledger."""

    def __init__(self, console: "Console", ledger: "Ledger") -> None:
        self._console = console
        self._ledger = ledger
        self._progress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Within it the bars are on the screen."""
        with self._progress:
            yield

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Phase]:
        """One phase, however it ends."""
        phase = Phase(self._progress, self._progress.add_task(name, total=total))
        began = monotonic()
        try:
            yield phase
        finally:
            seconds = self._ledger.phase_seconds[name] = monotonic() - began
            if not self._console.is_terminal:
                self._console.out(f"{name}: {phase.done} of {total} in {seconds:.1f} s", highlight=False)
