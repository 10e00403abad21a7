"""Deciding: what the worker does with everything that is queued for some postings, in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from app.db.columns import columns_of
from app.db.database import Executor, Row, Transaction
from app.db.queries import postings, status_history, status_updates
from app.models.fields import Status
from app.models.status_updates import Event
from app.services.errors import Refusal
from app.services.posting_lifecycle import Life, in_order

# Of updates in one transaction, and of steps that are read for it: it is over long before PostgreSQL would end it.
_MOST_UPDATES: Final = 5_000
_MOST_STEPS: Final = 20_000


class DecisionLost(Exception):
    """A row was not as its lock promised: somebody wrote past the lock, and the transaction must not be committed."""


@dataclass(slots=True)
class Decided:
    """What one transaction did: counts of updates, and the postings with a new step.

    And what it did not: the postings that were in other hands, those for which there was no room in it, and those of which it decided
    some updates, so that more may wait.
    """

    applied: int = 0
    refused: int = 0
    changed: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    put_off: list[int] = field(default_factory=list)
    unfinished: list[int] = field(default_factory=list)


class _Outcome(NamedTuple):
    """What became of one update, in the order of UPDATE_DECIDED's arrays."""

    update_id: UUID
    refusal: str | None
    """None: it was applied."""
    step: int
    """The number of its step; of a refused one, of the last step there is."""
    happened_at: datetime | None
    """None: when it was accepted."""
    is_scan: Literal[True] | None
    """None: it is not."""
    posting_status: Status | None
    """After it; None: its own."""


async def decide_queued_updates(
    transaction: Transaction, posting_ids: Sequence[int], *, most: int = _MOST_UPDATES, most_steps: int = _MOST_STEPS
) -> Decided:
    """Decide what is queued for these postings in the order of acceptance, and return what was done.

    That is at most `most` updates, and those of which the steps must be read only while there are no more than `most_steps`.

    The postings are locked first and the queue is read in a statement after that, so it holds every update accepted before the lock;
    whoever holds the lock decides all of them, or returns the posting as unfinished. Postings that another transaction holds are
    skipped and returned.
    """
    locked = await transaction.fetch(postings.LOCK_POSTINGS, sorted(set(posting_ids)))
    ids = [row["id"] for row in locked]
    result = Decided(skipped=sorted(set(posting_ids) - set(ids)))
    rows = await transaction.fetch(status_updates.SELECT_QUEUED_UPDATES, ids, most) if ids else []
    if not rows:
        return result
    queued = _grouped(rows)
    if len(rows) == most:
        last = rows[-1]["posting_id"]
        result.unfinished = [last]
        result.put_off = [posting_id for posting_id in ids if posting_id > last]
    waiting = [(posting, queued[posting["id"]]) for posting in locked if posting["id"] in queued]
    late, too_long = _late(waiting, most_steps)
    result.put_off += too_long
    steps = _grouped(await transaction.fetch(status_history.SELECT_STEPS, late)) if late else {}
    outcomes: list[_Outcome] = []
    for posting, updates in waiting:
        if posting["id"] in too_long:
            continue
        life = _life(posting, steps.get(posting["id"]))
        before = life.step_count
        _decide_posting(life, updates, outcomes)
        if applied := life.step_count - before:
            result.applied += applied
            result.changed.append(posting["id"])
    result.refused = len(outcomes) - result.applied
    await _write(transaction, outcomes)
    return result


def _late(waiting: Sequence[tuple[Row, Sequence[Row]]], room: int) -> tuple[list[int], set[int]]:
    """The postings of which the steps must be read, and those for which there is no room then: the first always has it."""
    late: list[int] = []
    too_long: set[int] = set()
    for posting, updates in waiting:
        if _needs_history(posting, updates):
            room -= posting["step_count"]
            if room < 0 and late:
                too_long.add(posting["id"])
            else:
                late.append(posting["id"])
    return late, too_long


def _grouped(rows: Sequence[Row]) -> Mapping[int, list[Row]]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["posting_id"]].append(row)
    return groups


def _needs_history(posting: Row, updates: Sequence[Row]) -> bool:
    """Whether an update says that it happened before, or at the instant of, the last step: then the steps themselves must be read."""
    status_at = posting["status_at"]
    return any(update["occurred_at"] and update["occurred_at"] <= status_at for update in updates)


def _life(posting: Row, steps: Sequence[Row] | None) -> Life:
    if steps is not None:
        return Life(in_order([_event(step) for step in steps]))
    return Life.known_by_its_end(posting["status"], posting["status_at"], step_count=posting["step_count"])


def _decide_posting(life: Life, updates: Sequence[Row], outcomes: list[_Outcome]) -> None:
    """Fold the updates of one posting into its life, one after the other."""
    for update in updates:
        before = life.last.status
        try:
            step = life.add(_event(update), timed=update["occurred_at"] is not None)
        except Refusal as refusal:
            outcomes.append(_Outcome(update["id"], refusal.code(), life.step_count, None, None, before))
            continue
        after = life.last.status
        outcomes.append(
            _Outcome(
                update["id"],
                None,
                life.step_count,
                happened_at=None if step.occurred_at == update["accepted_at"] else step.occurred_at,
                is_scan=True if after == before else None,
                posting_status=None if after == step.status else after,
            )
        )


def _event(row: Row) -> Event:
    return Event(row["status"], row["occurred_at"] or row["accepted_at"], row["city"], row["uf"], row["description"])


async def _write(transaction: Transaction, outcomes: Sequence[_Outcome]) -> None:
    closed = await transaction.fetch_one(status_updates.UPDATE_DECIDED, *columns_of(outcomes))
    if closed is None or closed["count"] != len(outcomes):
        raise DecisionLost(f"{len(outcomes)} updates were decided, but not all of them were still queued")


async def first_queued(executor: Executor, posting_id: int) -> UUID | None:
    """The update of this posting that is decided next."""
    row = await executor.fetch_one(status_updates.SELECT_QUEUED_UPDATES, [posting_id], 1)
    return row["id"] if row else None


async def count_failed_attempt(transaction: Transaction, update_id: UUID, *, max_attempts: int) -> bool:
    """Count a failed attempt at this update; True when it ended as a dead letter. One that was decided meanwhile stays as it is."""
    row = await transaction.fetch_one(status_updates.UPDATE_ATTEMPTS, update_id, max_attempts)
    return row is not None and row["state"] == "refused"
