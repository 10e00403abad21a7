"""Time that the host of a shared machine gave to others: whoever waits then waits for the host, and that says nothing of us."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chaos.ledger import Ledger, Stolen, now

_STAT: Final = Path("/proc/stat")
_EVERY_SECONDS: Final = 0.2
_WORTH_TELLING: Final = 0.1
_STEAL: Final = 7
"""Its place among the times of a line (proc(5): user, nice, system, idle, iowait, irq, softirq, steal, and two that user holds already)."""


def processor_times() -> list[int]:
    """What all processors have done since the start of the machine, in ticks, by kind."""
    with _STAT.open(encoding="ascii") as lines:
        return [int(ticks) for ticks in lines.readline().split()[1 : _STEAL + 2]]


def stolen_share(before: list[int], after: list[int]) -> float:
    """Which part of the time between two readings was given to others, 0 to 1."""
    ticks = [end - begin for begin, end in zip(before, after, strict=True)]
    return ticks[_STEAL] / max(1, sum(ticks))


@contextmanager
def noting_stolen_time(ledger: Ledger) -> Iterator[None]:
    """Meanwhile, write down when more than a tenth of it was stolen."""
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(ledger, over), name="stolen time")
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _watch(ledger: Ledger, over: threading.Event) -> None:
    began, before = now(), processor_times()
    while not over.wait(_EVERY_SECONDS):
        ended, after = now(), processor_times()
        if stolen_share(before, after) > _WORTH_TELLING:
            ledger.write(Stolen(began, ended))
        began, before = ended, after
