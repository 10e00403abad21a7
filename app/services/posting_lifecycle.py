"""The life of a posting: one table, and the pure function that holds every update against it.

The one rule: read in order of occurred_at, a posting's steps are always a legal life.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from app.models.fields import STATUSES, Status
from app.models.status_updates import Event
from app.services.errors import AlreadyInStatus, AlreadyRecorded, HistoryFull, IllegalTransition, OutOfSequence, Refusal

MAY_BE_FOLLOWED_BY: Final[dict[Status, frozenset[Status]]] = {
    "pending": frozenset({"shipped", "delivered", "returned", "cancelled"}),
    "shipped": frozenset({"shipped", "delivered", "returned"}),
    "delivered": frozenset(),
    "returned": frozenset(),
    "cancelled": frozenset(),
}
MOST_STEPS: Final = 1000
_RANK: Final = {status: rank for rank, status in enumerate(STATUSES)}


class Told(Protocol):
    """Whatever says that a status came about, and perhaps where."""

    @property
    def status(self) -> Status: ...
    @property
    def city(self) -> str | None: ...
    @property
    def uf(self) -> str | None: ...
    @property
    def description(self) -> str | None: ...


class Happening(Told, Protocol):
    """What also says when: an event, a step, a public step."""

    @property
    def occurred_at(self) -> datetime: ...


_H = TypeVar("_H", bound=Happening)


def _key(event: Happening) -> tuple[datetime, int, str, str, str]:
    """The place of a step in its life: by time; at the same instant by status, then by what it says, so that it never depends on
    the order of arrival."""
    return (event.occurred_at, _RANK[event.status], event.city or "", event.uf or "", event.description or "")


def in_order(events: Sequence[_H]) -> list[_H]:
    """The steps in the order in which they happened."""
    return sorted(events, key=_key)


def is_scan(event: Told) -> bool:
    """Whether a step that repeats the status says anything: a place or a description."""
    return bool(event.city or event.uf or event.description)


def refusal_between(before: Status, event: Told) -> type[Refusal] | None:
    """Why the event may not come right after a step with the status `before`; None when it may."""
    if event.status in MAY_BE_FOLLOWED_BY[before]:
        return AlreadyInStatus if event.status == before and not is_scan(event) else None
    return AlreadyInStatus if event.status == before else IllegalTransition


def refusal_at_once(
    status: Status, status_at: datetime, posted_at: datetime, event: Told, *, occurred_at: datetime | None
) -> type[Refusal] | None:
    """Why an update can be refused before the history is read; None when only the history can tell. It is timed, or has no `occurred_at`.

    Since a life only goes forward, what is refused against the stored status can never become right later: a timed update before
    the posting was posted, and any update that would come after the last step and may not.
    """
    if occurred_at is not None and occurred_at < posted_at:
        return OutOfSequence
    if occurred_at is None or occurred_at > status_at:
        return refusal_between(status, event)
    return None


@dataclass(slots=True)
class Life:
    """A posting's steps in the order in which they happened, and the one way to add to them."""

    steps: list[Event] = field(default_factory=list)
    unread: int = 0
    """How many more there are, before these."""

    @classmethod
    def known_by_its_end(cls, status: Status, status_at: datetime, *, step_count: int) -> "Life":
        """A life of which no more was read than what a posting's own row tells: enough for events after `status_at`, and only for
        those (the last step's place is not known, so nothing can be compared with it)."""
        return cls([Event(status, status_at)], step_count - 1)

    def add(self, event: Event, *, timed: bool) -> Event:
        """Take the event into the life and return it as it was recorded; raises the Refusal that keeps it out.

        A timed event goes where its time puts it. One without a time comes after what is there: its occurred_at is the moment it
        was accepted, moved forward to just after the last step where the clock has stepped back. At that step's very instant its
        place would depend on what it says, and not on when it was accepted.
        """
        if self.step_count >= MOST_STEPS:
            raise HistoryFull
        if not timed:
            if refusal := refusal_between(self.last.status, event):
                raise refusal
            if event.occurred_at <= self.last.occurred_at:
                event = event._replace(occurred_at=self.last.occurred_at + timedelta.resolution)
            self.steps.append(event)
            return event
        position = bisect_right(self.steps, _key(event), key=_key)
        if refusal := self._refusal_at(position, event):
            raise refusal
        self.steps.insert(position, event)
        return event

    def _refusal_at(self, position: int, event: Event) -> type[Refusal] | None:
        if position == 0:
            return OutOfSequence
        if self.steps[position - 1] == event:
            return AlreadyRecorded
        refusal = refusal_between(self.steps[position - 1].status, event)
        if position == len(self.steps):
            return refusal
        return OutOfSequence if refusal or refusal_between(event.status, self.steps[position]) else None

    @property
    def step_count(self) -> int:
        """How many steps there are, unread ones too."""
        return self.unread + len(self.steps)

    @property
    def last(self) -> Event:
        """The last step in time: its status is the posting's."""
        return self.steps[-1]
