"""Lives for tests: updates as anybody might send them, and those that fit together."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st

from app.models.fields import STATUSES, Status
from app.models.status_updates import Event
from app.services.errors import Refusal
from app.services.posting_lifecycle import Life, in_order, is_scan, refusal_between

POSTED: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
PENDING: Final = Event("pending", POSTED)
FINAL: Final = ("delivered", "returned", "cancelled")


@dataclass(frozen=True, slots=True)
class Update:
    """What the rule is asked: an event, and whether its time was given or is that of its acceptance."""

    event: Event
    timed: bool = True


def at(minute: int) -> datetime:
    """So many minutes after the posting was posted."""
    return POSTED + timedelta(minutes=minute)


def event(status: Status, minute: int, city: str | None = None, description: str | None = None) -> Event:
    """A status at a minute, and perhaps a place."""
    return Event(status, at(minute), city, "SP" if city else None, description)


def life(*events: Event) -> Life:
    """A life that began pending, with these steps."""
    return Life(in_order([PENDING, *events]))


def play(played: Life, updates: Sequence[Update]) -> list[str]:
    """Hold the updates against the life, one after the other: 'applied', or the code of the refusal, for each."""
    return [_play_one(played, update) for update in updates]


def _play_one(played: Life, update: Update) -> str:
    try:
        played.add(update.event, timed=update.timed)
    except Refusal as refusal:
        return refusal.code()
    return "applied"


def is_legal(steps: Sequence[Event]) -> bool:
    """Whether it begins pending, and every step may follow the one before."""
    return steps[0] == PENDING and not any(
        refusal_between(before.status, after) for before, after in itertools.pairwise(steps)
    )


# Few minutes, places and words, so that ties and repetitions are the rule; and a minute before the posting was posted.
EVENTS: Final = [
    Event(status, at(minute), city, uf, words)
    for words in (None, "Saiu para entrega")
    for city, uf in ((None, None), ("Campinas", "SP"), ("Santos", "SP"), (None, "RJ"))
    for status in STATUSES
    for minute in (0, 1, 2, 3, 4, -1)
]
SHIPPED: Final = [each for each in EVENTS if each.status == "shipped" and each.occurred_at >= POSTED]

one_update: Final = st.builds(Update, st.sampled_from(EVENTS), st.booleans())
updates: Final = st.lists(one_update, max_size=12)
timed_updates: Final = st.lists(st.sampled_from(EVENTS).map(Update), max_size=12)


@st.composite
def consistent_events(draw: st.DrawFn) -> list[Event]:
    """Different events that are a legal life together, in any order."""
    ordered = in_order(draw(st.lists(st.sampled_from(SHIPPED), max_size=5, unique=True)))
    # What repeats the status must be a scan: of events that say nothing only the first may stay.
    kept = ordered[:1] + [each for each in ordered[1:] if is_scan(each)]
    last = in_order([PENDING, *kept])[-1]
    ends = [each for each in EVENTS if each.status in FINAL and each.occurred_at >= last.occurred_at]
    end = draw(st.none() | st.sampled_from([each for each in ends if not kept or each.status != "cancelled"]))
    return draw(st.permutations(kept + ([end] if end else [])))
