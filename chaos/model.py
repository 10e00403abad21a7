"""The life of a posting, written a second time and as plainly as can be: what the ledger holds the service's decisions against.

It shares no code with the service. A history is a list of steps; it is legal when, read in order of time, each step may follow
the one before. An update fits when the history with it is legal. Nothing here is clever, and everything is tried from the start.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

ORDER: Final = ("pending", "shipped", "delivered", "returned", "cancelled")
MOST_STEPS: Final = 1000
_AFTER: Final = {
    "pending": ("shipped", "delivered", "returned", "cancelled"),
    "shipped": ("shipped", "delivered", "returned"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """A status at a time, and what was said with it."""

    status: str
    at: datetime
    city: str | None = None
    uf: str | None = None
    description: str | None = None


def read_in_time(steps: list[Step]) -> list[Step]:
    """The steps as they happened; at the same instant by status, then by what they say."""
    return sorted(
        steps,
        key=lambda step: (step.at, ORDER.index(step.status), step.city or "", step.uf or "", step.description or ""),
    )


def why_not(before: Step, step: Step) -> str | None:
    """The code for which `step` may not come right after `before`; None when it may."""
    if step.status == before.status:
        says_something = bool(step.city or step.uf or step.description)
        return None if step.status == "shipped" and says_something else "already_in_status"
    return None if step.status in _AFTER.get(before.status, ()) else "illegal_transition"


def decide(history: list[Step], step: Step, *, timed: bool) -> tuple[str | None, Step]:
    """The code of the refusal (None: applied), and the step as it is recorded. `history` is in order and stays as it is."""
    if len(history) >= MOST_STEPS:
        return "history_full", step
    last = history[-1]
    if not timed:
        if code := why_not(last, step):
            return code, step
        step = replace(step, at=max(step.at, last.at + timedelta.resolution))
    if step in history:
        return "already_recorded", step
    together = read_in_time([*history, step])
    if together[0] != history[0]:
        return "out_of_sequence", step
    place = together.index(step)
    code = why_not(together[place - 1], step)
    if step is together[-1]:
        return code, step
    return ("out_of_sequence" if code or why_not(step, together[place + 1]) else None), step
