"""Remembers what was sent and how each of it ended, and counts it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.replay.answers import UpdateSeen
from app.replay.errors import UnexpectedAnswerError
from app.replay.script import Update


@dataclass(slots=True)
class Fate:
    """How far one update has come; `state` is the API's word for it, empty before there is one."""

    sent: bool = False
    update_id: str | None = None
    state: str = ""
    code: str = ""
    decision_seconds: float | None = None

    def accept(self, update_id: str) -> None:
        """Notes a 202; raises UnexpectedAnswerError where the same key was answered differently before."""
        if self.state == "refused" or self.update_id not in {None, update_id}:
            raise UnexpectedAnswerError(f"one key, two answers: first {self.update_id or self.code}, then {update_id}")
        self.update_id = update_id
        self.state = "queued"

    def refuse(self, code: str) -> None:
        """Notes a refusal at once; raises UnexpectedAnswerError where the same key was accepted before."""
        if self.update_id is not None:
            raise UnexpectedAnswerError(f"one key, two answers: first {self.update_id}, then {code}")
        self.state = "refused"
        self.code = code

    def decide(self, seen: UpdateSeen) -> None:
        """Notes what the update's own resource says."""
        self.state = seen.state
        self.code = seen.refusal.code if seen.refusal else ""
        self.decision_seconds = seen.decision_seconds

    @property
    def final(self) -> bool:
        """It ended applied or refused."""
        return self.state in {"applied", "refused"}


@dataclass(slots=True)
class Ledger:
    """Everything one replay wants and has done so far."""

    orders: int
    fates: dict[Update, Fate]
    clients: int = 0
    tracking_codes: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    confirmed: int = 0
    sends: int = 0
    repetitions: int = 0
    answer_seconds: list[float] = field(default_factory=list[float])
    phase_seconds: dict[str, float] = field(default_factory=dict[str, float])
    surprises: Counter[str] = field(default_factory=Counter[str])
    silences: Counter[str] = field(default_factory=Counter[str])

    @property
    def sent(self) -> int:
        """Updates that were sent at least once."""
        return sum(fate.sent for fate in self.fates.values())

    @property
    def applied(self) -> int:
        """Updates that became a step of the history."""
        return sum(fate.state == "applied" for fate in self.fates.values())

    @property
    def refused(self) -> Counter[str]:
        """Refused updates by reason, at once or by the worker."""
        return Counter(fate.code for fate in self.fates.values() if fate.state == "refused")

    @property
    def unaccounted_updates(self) -> int:
        """Updates of which nobody can say how they ended."""
        return sum(not fate.final for fate in self.fates.values())

    @property
    def unaccounted_postings(self) -> int:
        """Orders whose posting the API does not list."""
        return self.orders - self.confirmed

    @property
    def decision_seconds(self) -> list[float]:
        """From acceptance to decision, of every update that has both."""
        return [fate.decision_seconds for fate in self.fates.values() if fate.decision_seconds is not None]

    @property
    def sound(self) -> bool:
        """Everything is accounted for and nothing odd was seen."""
        return not (self.unaccounted_postings or self.unaccounted_updates or self.surprises)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed (nearest rank); None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
