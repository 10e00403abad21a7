"""When a delivery is tried again: a table, and a pure function."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.models.webhooks import DeliveryState

# The first attempts are for what passes: until then the later events of a posting wait, so that they arrive in order. After that they go
# by, since an endpoint that is away for hours should not have to be told of a whole life one failure after the other.
ATTEMPTS_IN_ORDER: Final = 3
_JITTER: Final = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a delivery is after an attempt, and in how long it is due again (None: there is nothing more to do)."""

    state: DeliveryState
    due_in: timedelta | None = None


DELIVERED: Final = Outcome("delivered")
FAILED: Final = Outcome("failed")


def outcome(
    status: int | None, *, failures: int, schedule: Sequence[float], chance: float, retry_after: float | None = None
) -> Outcome:
    """The outcome of an attempt that was answered with this status (None: not at all), after so many `failures` before it.

    `schedule` has the seconds to wait after each failed attempt; a wait is up to a tenth longer, by `chance` from 0 to 1, and never shorter
    than `retry_after` seconds.
    """
    if status is not None and 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, section 15.3
        return DELIVERED
    if is_gone(status) or failures >= len(schedule):
        return FAILED
    seconds = schedule[failures] * (1 + _JITTER * chance)
    return Outcome("waiting", timedelta(seconds=max(seconds, retry_after or 0)))


def is_gone(status: int | None) -> bool:
    """Whether the receiver says that it wants nothing any more (RFC 9110, section 15.5.11)."""
    return status == 410  # noqa: PLR2004 - Gone
