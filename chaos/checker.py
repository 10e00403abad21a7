"""Holds the ledger against the facts: whatever was promised and is not there, or is there and was not promised."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chaos import delivery_checker
from chaos.facts import Posting, Update, updates_by_wish
from chaos.ledger import Asked, Created, Entry, KeyReused, Received, Seen
from chaos.model import Step, decide, read_in_time, why_not

ACCEPTED: Final = 202
CREATED: Final = 201
_AT_ONCE: Final = frozenset({404, 409, 422})
_UNKNOWN: Final = frozenset({0, 401, 429, 503})
# Refused by the clock of the database, and not by the life of the posting.
_BY_THE_CLOCK: Final = "occurred_at_in_future"
KINDS: Final = (
    *("lost", "twice", "out of order", "wrong refusals", "holes in steps", "reads went back", "wrong answers"),
    *delivery_checker.KINDS,
)


@dataclass(slots=True)
class Verdict:
    """What was found, by kind; a promise that was kept finds nothing."""

    accepted: int = 0
    created: int = 0
    deliveries: int = 0
    findings: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.findings.values())

    def find(self, kind: str, sentences: Iterable[str]) -> None:
        """Add findings of this kind."""
        self.findings[kind].extend(sentences)


def check(
    entries: Sequence[Entry], postings: Sequence[Posting], *, poison: str | None = None, clock_moved: bool = False
) -> Verdict:
    """The verdict; `poison` is the description of updates that cannot be decided and must end as dead letters.

    `clock_moved`: PostgreSQL's clock was, so that its times do not tell in which order refusals came.
    """
    asked: dict[str, list[Asked]] = defaultdict(list)
    created: dict[str, list[Created]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry, Asked):
            asked[entry.wish].append(entry)
        elif isinstance(entry, Created):
            created[entry.wish].append(entry)
    verdict = Verdict()
    verdict.accepted = sum(any(each.status == ACCEPTED for each in attempts) for attempts in asked.values())
    verdict.created = sum(any(each.status == CREATED for each in attempts) for attempts in created.values())
    verdict.find("lost", _lost(asked, created, postings))
    verdict.find("twice", _twice(asked, created, postings))
    verdict.find("out of order", _out_of_order(asked, postings, clock_moved=clock_moved))
    verdict.find("wrong refusals", _wrong_decisions(postings, poison, clock_moved=clock_moved))
    verdict.find("wrong refusals", _wrong_at_once(asked, postings))
    verdict.find("holes in steps", _holes(postings))
    verdict.find("reads went back", _went_back([entry for entry in entries if isinstance(entry, Seen)]))
    verdict.find("wrong answers", _wrong_answers(entries))
    verdict.deliveries = sum(isinstance(entry, Received) for entry in entries)
    for kind, sentence in delivery_checker.check_deliveries(entries, postings):
        verdict.find(kind, [sentence])
    return verdict


def _lost(
    asked: dict[str, list[Asked]], created: dict[str, list[Created]], postings: Sequence[Posting]
) -> Iterator[str]:
    """What was answered with success and is not there, or is there and was never decided."""
    stored = {update.id: update for posting in postings for update in posting.updates}
    for wish, attempts in asked.items():
        for update_id in {each.update_id for each in attempts if each.update_id}:
            if update_id not in stored:
                yield f"{wish} was answered with 202, and there is no update {update_id}"
    for update in stored.values():
        if update.state == "queued":
            yield f"update {update.id} was never decided"
    codes = {posting.tracking_code for posting in postings}
    for wish, creations in created.items():
        for code in {each.tracking_code for each in creations if each.tracking_code} - codes:
            yield f"{wish} was answered with 201, and there is no posting {code}"


def _twice(
    asked: dict[str, list[Asked]], created: dict[str, list[Created]], postings: Sequence[Posting]
) -> Iterator[str]:
    """What was asked for once and became more than one thing."""
    by_wish = updates_by_wish(list(postings))
    for wish, attempts in asked.items():
        if (rows := len(by_wish.get(wish, ()))) > 1:
            yield f"{wish} is {rows} updates"
        if len({each.update_id for each in attempts if each.update_id}) > 1:
            yield f"{wish} was answered with different ids"
    made = Counter(posting.wish for posting in postings if posting.wish)
    for wish, creations in created.items():
        if made[wish] > 1 or len({each.tracking_code for each in creations if each.tracking_code}) > 1:
            yield f"{wish} is {made[wish]} postings"
    steps = Counter(step.update_id for posting in postings for step in posting.steps if step.update_id)
    for posting in postings:
        for update in posting.updates:
            expected = 1 if update.state == "applied" else 0
            if steps[update.id] != expected:
                yield f"update {update.id} is {update.state} and has {steps[update.id]} steps"


def _out_of_order(asked: dict[str, list[Asked]], postings: Sequence[Posting], *, clock_moved: bool) -> Iterator[str]:
    """If A's 202 was there before B was sent, A is decided before B."""
    for posting in postings:
        earliest_answer_behind = float("inf")
        for update in reversed(posting.updates_as_decided()):
            if clock_moved and update.state == "refused":  # nobody knows when
                continue
            attempts = asked.get(update.wished.description or "", ())
            if attempts and earliest_answer_behind < min(each.sent for each in attempts):
                yield f"update {update.id} of {posting.tracking_code} was decided before one that was answered before it was sent"
            answers = [each.answered for each in attempts if each.status == ACCEPTED]
            earliest_answer_behind = min([earliest_answer_behind, *answers])


def _wrong_decisions(postings: Sequence[Posting], poison: str | None, *, clock_moved: bool) -> Iterator[str]:
    """Every decision is what the model decides, update by update as they were decided.

    Where PostgreSQL's clock was moved nobody knows after which step a refusal came: it must be right after one of them.
    """
    for posting in postings:
        histories = [[recorded.step for recorded in posting.steps[:1]]]
        recorded = {each.update_id: each.step for each in posting.steps}
        for update in posting.updates_as_decided():
            if update.state == "applied" and update.id in recorded:
                code, step = decide(histories[-1], update.wished, timed=update.timed)
                if code or step != recorded[update.id]:
                    yield f"update {update.id} was recorded as {recorded[update.id]}, and the model says {code or step}"
                histories.append(read_in_time([*histories[-1], recorded[update.id]]))
            elif update.state == "refused" and not clock_moved:
                yield from _wrong_refusal(update, histories[-1:], poison)
        if clock_moved:
            for update in posting.updates:
                if update.state == "refused":
                    yield from _wrong_refusal(update, histories, poison)
        last = histories[-1][-1]
        if (posting.status, posting.status_at) != (last.status, last.at):
            yield f"{posting.tracking_code} is {posting.status}, and its last step is {last.status}"


def _wrong_refusal(update: Update, histories: Sequence[list[Step]], poison: str | None) -> Iterator[str]:
    if poison is not None and update.wished.description == poison:
        codes: set[str | None] = {"internal_error"}
    else:
        codes = {decide(history, update.wished, timed=update.timed)[0] for history in histories}
    if update.refusal not in codes:
        yield f"update {update.id} was refused with {update.refusal}, and the model says {codes}"


def _wrong_at_once(asked: dict[str, list[Asked]], postings: Sequence[Posting]) -> Iterator[str]:
    """A life only goes forward, so what was refused at once would be refused at the end as well.

    Asked several times at the same moment with one key, one may be refused after another was looked at and accepted: that one has to end
    refused.
    """
    by_code = {posting.tracking_code: posting for posting in postings}
    applied = {update.id for posting in postings for update in posting.updates if update.state == "applied"}
    for attempts in asked.values():
        for attempt in attempts:
            if attempt.status not in _AT_ONCE or attempt.code == _BY_THE_CLOCK or attempt.tracking_code not in by_code:
                continue
            history = read_in_time([each.step for each in by_code[attempt.tracking_code].steps])
            at = datetime.fromisoformat(attempt.occurred_at) if attempt.occurred_at else history[-1].at
            step = Step(attempt.status_wished, at, attempt.city, attempt.uf, attempt.wish)
            fits = (
                decide(history, step, timed=True)[0] is None
                if attempt.occurred_at
                else why_not(history[-1], step) is None
            )
            if fits or any(each.update_id in applied for each in attempts):
                yield f"{attempt.wish} was refused at once with {attempt.code}, and would fit"


def _holes(postings: Sequence[Posting]) -> Iterator[str]:
    for posting in postings:
        numbers = [step.seq for step in posting.steps]
        if numbers != list(range(1, len(numbers) + 1)) or posting.step_count != len(numbers):
            yield f"the steps of {posting.tracking_code} are numbered {numbers}, and it counts {posting.step_count}"


def _went_back(reads: Sequence[Seen]) -> Iterator[str]:
    """A read that was sent after another was answered sees no less."""
    by_what: dict[str, list[Seen]] = defaultdict(list)
    for read in reads:
        if read.status == 200:
            by_what[read.what].append(read)
    for what, several in by_what.items():
        answered = sorted(several, key=lambda read: read.answered)
        position, most = 0, 0
        for read in sorted(several, key=lambda read: read.sent):
            while answered[position].answered < read.sent:
                most = max(most, answered[position].progress)
                position += 1
            if read.progress < most:
                yield f"{what} had {most} and then {read.progress}"


def _wrong_answers(entries: Sequence[Entry]) -> Iterator[str]:
    """Answers that no correct service gives: a 500, a 404 for what is there, a used key that was taken again."""
    right = {
        Created: _UNKNOWN | {CREATED},
        Asked: _UNKNOWN | _AT_ONCE | {ACCEPTED},
        KeyReused: _UNKNOWN | {422},
        Seen: _UNKNOWN | {200},
    }
    counted: Counter[str] = Counter()
    for entry in entries:
        if (expected := right.get(type(entry))) is not None and entry.status not in expected:  # type: ignore[union-attr]
            code = getattr(entry, "code", None)
            counted[f"{type(entry).__name__} was answered with {entry.status} {code or ''}"] += 1  # type: ignore[union-attr]
    for sentence, count in counted.items():
        yield f"{sentence} ({count} times)"
