"""How much a run measures: enough for figures to keep, or as little as tells that nothing broke."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Effort:
    """How often everything is measured, how many updates wait in a full queue, and how long a load lasts.

    `updates` are for whoever decides many at once; who takes them one by one gets `single_updates`, on the same number of postings.
    Of webhooks, likewise, `deliveries` and `single_updates`.
    """

    rounds: int
    updates: int
    single_updates: int
    deliveries: int
    load_seconds: float
    latency_seconds: float
    starts: int


FULL: Final = Effort(
    rounds=3, updates=60_000, single_updates=5_000, deliveries=20_000, load_seconds=4, latency_seconds=20, starts=3
)
QUICK: Final = Effort(
    rounds=1, updates=20_000, single_updates=1_000, deliveries=6_000, load_seconds=1.5, latency_seconds=6, starts=1
)
