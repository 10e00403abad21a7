"""Figures of a run: how long answers took, while what fell, and how long it took to be well again."""

import json
from bisect import bisect, bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from math import inf
from typing import Final, TypeVar

from bench.result import percentile
from chaos.checker import ACCEPTED
from chaos.delivery_checker import WELL
from chaos.facts import Update
from chaos.faults.fault import Fault
from chaos.ledger import NO_ANSWER, Asked, Entry, Fell, Received, Stolen

T = TypeVar("T")

_DISTURBED: Final = frozenset({NO_ANSWER, 429, 500, 502, 503, 504})
# On a shared machine the p99 of some hundred answers varies by half; whoever waited for what is gone would answer ten times as late.
_HARDLY_MORE: Final = 2.0
# Where less is left, time is stolen so evenly that all were met alike.
_ENOUGH: Final = 0.3
# Seconds. A clock that is moved is moved by an hour.
_CLOCK_MOVED: Final = 1_800


@dataclass(frozen=True, slots=True)
class Window:
    """What the callers noticed while one fault lasted, in seconds.

    `answers` are those of 202s that nobody waited for while the machine's host gave its time to others, `slowest` of any; `deliveries`
    from a step until the receiver that is well has it. `recovery` is until a new update went through, `backlog` from there until all that
    was accepted before was decided.
    """

    fault: str
    lasted: float
    attempts: int
    disturbed: int
    answers: tuple[float, ...]
    slowest: float
    deliveries: tuple[float, ...]
    recovery: float
    backlog: float


def seconds_of_202s(entries: Sequence[Entry]) -> list[float]:
    """How long each 202 took."""
    return [each.answered - each.sent for each in entries if isinstance(each, Asked) and each.status == ACCEPTED]


def seconds_when_calm(entries: Sequence[Entry]) -> tuple[float, ...]:
    """How long each 202 took that was asked for while nothing was broken, and no time was stolen."""
    fallen = [entry for entry in entries if isinstance(entry, Fell)]
    calm = [
        each
        for each in entries
        if isinstance(each, Asked)
        and each.status == ACCEPTED
        and not any(fell.began <= each.answered and each.sent <= fell.recovered for fell in fallen)
    ]
    return _own_seconds(calm, _stolen(entries))


def _stolen(entries: Sequence[Entry]) -> list[Stolen]:
    return [entry for entry in entries if isinstance(entry, Stolen)]


def _own_seconds(asked: Sequence[Asked], stolen: Sequence[Stolen]) -> tuple[float, ...]:
    """How long those took who waited for us alone; all of them where too few are left."""
    began, ended = [one.began for one in stolen], [-inf, *(one.ended for one in stolen)]
    own = [each for each in asked if ended[bisect(began, each.answered)] < each.sent]
    return tuple(each.answered - each.sent for each in (own if len(own) >= len(asked) * _ENOUGH else asked))


def windows(entries: Sequence[Entry], updates: Sequence[Update]) -> list[Window]:
    """One for each fault that fell."""
    asked = sorted((entry for entry in entries if isinstance(entry, Asked)), key=lambda each: each.sent)
    fallen = [entry for entry in entries if isinstance(entry, Fell)]
    delivered = [entry for entry in entries if isinstance(entry, Received) and entry.path.startswith(WELL)]
    delivered.sort(key=lambda each: each.at)
    decisions = _Decisions(_with_the_right_time(asked, fallen, updates))
    stolen = _stolen(entries)
    return [
        _window(
            fell,
            _between(asked, lambda each: each.sent, fell),
            _between(delivered, lambda each: each.at, fell),
            decisions,
            stolen,
        )
        for fell in fallen
    ]


def _between(entries: Sequence[T], at: Callable[[T], float], fell: Fell) -> Sequence[T]:
    """Of entries in the order of their time those while the fault lasted."""
    return entries[bisect_left(entries, fell.began, key=at) : bisect(entries, fell.healed, key=at)]


class _Decisions:
    """By when all was decided that had been accepted at a moment; moments in seconds since 1970."""

    def __init__(self, updates: Sequence[Update]) -> None:
        timed = sorted(
            (each.accepted_at.timestamp(), each.decided_at.timestamp()) for each in updates if each.decided_at
        )
        self._accepted = [accepted for accepted, _ in timed]
        self._last_decided = list(accumulate((decided for _, decided in timed), max))

    def last_of(self, accepted_until: float) -> float:
        """When the last of those was decided that were accepted until then."""
        count = bisect(self._accepted, accepted_until)
        return self._last_decided[count - 1] if count else -inf


def _with_the_right_time(asked: Sequence[Asked], fallen: Sequence[Fell], updates: Sequence[Update]) -> list[Update]:
    """Those that PostgreSQL accepted and decided while its clock was the clients'."""
    answered = {each.update_id: each.answered + fallen[0].epoch for each in asked if each.update_id} if fallen else {}
    return [
        update
        for update in updates
        if update.id in answered
        and abs(update.accepted_at.timestamp() - answered[update.id]) < _CLOCK_MOVED
        and abs(update.seconds or 0) < _CLOCK_MOVED
    ]


def _window(
    fell: Fell, during: Sequence[Asked], delivered: Sequence[Received], decisions: _Decisions, stolen: Sequence[Stolen]
) -> Window:
    return Window(
        fell.fault,
        fell.healed - fell.began,
        len(during),
        sum(each.status in _DISTURBED for each in during),
        _own_seconds([each for each in during if each.status == ACCEPTED], stolen),
        max((each.answered - each.sent for each in during), default=0.0),
        tuple(
            each.at + fell.epoch - datetime.fromisoformat(json.loads(each.body)["timestamp"]).timestamp()
            for each in delivered
        ),
        fell.recovered - fell.healed,
        max(0.0, decisions.last_of(fell.epoch + fell.healed) - fell.epoch - fell.recovered),
    )


def misses(window: Window, fault: Fault, *, calm_p99: float) -> list[str]:
    """In which way the fault was noticed more than it may be."""
    expects = fault.expects
    found = []
    if expects.undisturbed and window.disturbed:
        found.append(
            f"{window.disturbed} of {window.attempts} updates asked for were not accepted at the first attempt"
        )
    p99 = percentile(window.answers, 0.99)
    if expects.p99 is not None and p99 > max(expects.p99, _HARDLY_MORE * calm_p99):
        found.append(f"the p99 of a 202 was {p99 * 1000:.0f} ms, and {calm_p99 * 1000:.0f} when all was calm")
    for what, seconds, most in (
        ("the p99 of a webhook", percentile(window.deliveries, 0.99), expects.delivered),
        ("an answer took", window.slowest, expects.slowest),
        ("it took until a new update went through", window.recovery, expects.recovery),
        ("after that, it took until all that waited was decided", window.backlog, expects.backlog),
    ):
        if most is not None and seconds > most:
            found.append(f"{what} {seconds:.1f} s, not {most:g}")
    return [f"{fault.name}: {sentence}" for sentence in found]
