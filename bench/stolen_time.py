"""Time that the host of a shared machine gave to others: what is measured meanwhile says nothing of us."""

from pathlib import Path
from typing import Final

MUCH: Final = 0.1
"""A larger part of the time cannot be overlooked in a figure."""

_STAT: Final = Path("/proc/stat")
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
