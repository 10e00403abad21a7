"""Figures of a run: how long answers took, while what fell, and how long it took to be well again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.checker import ACCEPTED
from chaos.faults.fault import Fault
from chaos.ledger import NO_ANSWER, Asked, Entry, Fell

_DISTURBED = frozenset({NO_ANSWER, 429, 500, 502, 503, 504})


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


@dataclass(frozen=True, slots=True)
class Window:
    """What the callers noticed while one fault lasted, in seconds."""

    fault: str
    lasted: float
    attempts: int
    disturbed: int
    p99: float
    slowest: float
    recovery: float


def seconds_of_202s(entries: Sequence[Entry]) -> list[float]:
    """How long each 202 took."""
    return [each.answered - each.sent for each in entries if isinstance(each, Asked) and each.status == ACCEPTED]


def windows(entries: Sequence[Entry]) -> list[Window]:
    """One for each fault that fell."""
    asked = [entry for entry in entries if isinstance(entry, Asked)]
    return [_window(fell, asked) for fell in entries if isinstance(fell, Fell)]


def _window(fell: Fell, asked: Sequence[Asked]) -> Window:
    during = [each for each in asked if fell.began <= each.sent <= fell.healed]
    took = [each.answered - each.sent for each in during]
    return Window(
        fell.fault,
        fell.healed - fell.began,
        len(during),
        sum(each.status in _DISTURBED for each in during),
        percentile([each.answered - each.sent for each in during if each.status == ACCEPTED], 0.99),
        max(took, default=0.0),
        fell.recovered - fell.healed,
    )


def misses(window: Window, fault: Fault) -> list[str]:
    """In which way the fault was noticed more than it may be."""
    expects = fault.expects
    found = []
    if expects.undisturbed and window.disturbed:
        found.append(
            f"{window.disturbed} of {window.attempts} updates asked for were not accepted at the first attempt"
        )
    if expects.p99 is not None and window.p99 > expects.p99:
        found.append(f"the p99 of a 202 was {window.p99 * 1000:.0f} ms, not {expects.p99 * 1000:.0f}")
    if expects.slowest is not None and window.slowest > expects.slowest:
        found.append(f"an answer took {window.slowest:.1f} s, not {expects.slowest:g}")
    if window.recovery > expects.recovery:
        found.append(f"it took {window.recovery:.1f} s to be well again, not {expects.recovery:g}")
    return [f"{fault.name}: {sentence}" for sentence in found]
