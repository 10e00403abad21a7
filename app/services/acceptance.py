"""Accepting wishes: what can be refused at once is refused, and everything else is committed before anybody is told so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final, TypeAlias
from uuid import UUID

from app.core.tracking_code import is_tracking_code
from app.db.columns import columns_of
from app.db.database import CommitUnknown, Database, DatabaseBusy, DatabaseUnavailable, Executor, Row
from app.db.queries import simulations, status_updates
from app.models.clients import Caller
from app.models.status_updates import StatusUpdate, StatusUpdateRequest
from app.services.errors import (
    IdempotencyKeyReused,
    InvalidTrackingCode,
    OccurredAtInFuture,
    PostingHeld,
    PostingNotFound,
    Refusal,
)
from app.services.ports import Hints
from app.services.posting_lifecycle import refusal_at_once
from app.services.refusals import REASONS, reason

Outcome: TypeAlias = StatusUpdate | Refusal
"""What became of a wish at once: its update, or why there is none."""

# Accepts wait for each other only for the moment in which a repetition of the same wish is committed elsewhere.
_LOCK_SECONDS: Final = 0.2


@dataclass(slots=True, eq=False)
class Wish:
    """One update on its way: who asks for what, under which id, and what became of it.

    `repeatable`: the id was made from an Idempotency-Key, so the same wish may have come before.
    """

    id: UUID
    caller: Caller
    tracking_code: str
    request: StatusUpdateRequest
    repeatable: bool
    posting_id: int = 0
    outcome: Outcome | None = None

    def is_repeated_by(self, row: Row) -> bool:
        """Whether the stored update is this very wish."""
        same_request = all(row[name] == getattr(self.request, name) for name in StatusUpdateRequest.model_fields)
        return same_request and bool(row["tracking_code"] == self.tracking_code)


_sought_by: Final[Callable[[Wish], tuple[object, ...]]] = attrgetter(
    "tracking_code", "caller.scope", "request.occurred_at"
)
"""One wish in the order of SELECT_POSTINGS_ASKED_FOR's arrays."""
values_of: Final[Callable[[Wish], tuple[object, ...]]] = attrgetter(
    "id",
    "posting_id",
    "caller.operator_id",
    "request.status",
    "request.occurred_at",
    "request.city",
    "request.uf",
    "request.description",
)
"""One wish in the order of INSERT_STATUS_UPDATES' arrays."""


async def accept_wishes(database: Database, hints: Hints, wishes: Sequence[Wish]) -> None:
    """Give each wish its outcome; those that became an update are committed, and decided in this order for their posting.

    Reading and refusing need no transaction: a refusal against the stored status can never become wrong later. Raises CommitUnknown
    when wishes without an outcome may have become updates nevertheless; after DatabaseUnavailable, DatabaseBusy and DataRefused none has.
    """
    await _refuse_at_once(database.reader, wishes)
    # After the look at the posting, so that a repetition is not refused because of what it did itself the first time.
    await _find_repeated(database.reader, [wish for wish in wishes if wish.repeatable])
    await _insert(database, hints, [wish for wish in wishes if wish.outcome is None])
    # What is left lost a race against its own repetition: that one was committed, and is the same update.
    try:
        await _find_repeated(database.reader, [wish for wish in wishes if wish.outcome is None])
    except (DatabaseUnavailable, DatabaseBusy) as error:
        raise CommitUnknown(str(error)) from error
    for wish in wishes:
        wish.outcome = wish.outcome or PostingHeld()


async def _refuse_at_once(executor: Executor, wishes: Sequence[Wish]) -> None:
    if not wishes:
        return
    rows = await executor.fetch(status_updates.SELECT_POSTINGS_ASKED_FOR, *columns_of(map(_sought_by, wishes)))
    postings = {row["position"] - 1: row for row in rows}
    for position, wish in enumerate(wishes):
        if posting := postings.get(position):
            wish.posting_id = posting["posting_id"]
            wish.outcome = _refusal_of(posting, wish.request)
        else:
            wish.outcome = PostingNotFound() if is_tracking_code(wish.tracking_code) else InvalidTrackingCode()
    if tests := [wish for wish in wishes if wish.caller.test and wish.outcome is None]:
        await _refuse_as_planned(executor, tests)


async def _refuse_as_planned(executor: Executor, tests: Sequence[Wish]) -> None:
    """Of test postings, some were created to provoke a refusal."""
    rows = await executor.fetch(simulations.SELECT_REFUSALS_AT_ONCE, [wish.posting_id for wish in tests])
    planned = {row["posting_id"]: row["scenario"] for row in rows}
    for wish in tests:
        if refusal := REASONS.get(planned.get(wish.posting_id, "")):
            wish.outcome = refusal()


def _refusal_of(posting: Row, request: StatusUpdateRequest) -> Refusal | None:
    if posting["ahead_of_time"]:
        return OccurredAtInFuture()
    refusal = refusal_at_once(
        posting["status"], posting["status_at"], posting["posted_at"], request, occurred_at=request.occurred_at
    )
    return refusal() if refusal else None


async def _find_repeated(executor: Executor, wishes: Sequence[Wish]) -> None:
    if not wishes:
        return
    rows = await executor.fetch(
        status_updates.SELECT_STATUS_UPDATES_BY_ID, [wish.id for wish in wishes], [wish.caller.id for wish in wishes]
    )
    stored = {row["id"]: row for row in rows}
    for wish in wishes:
        if row := stored.get(wish.id):
            wish.outcome = status_update(row) if wish.is_repeated_by(row) else IdempotencyKeyReused()


async def _insert(database: Database, hints: Hints, wishes: Sequence[Wish]) -> None:
    if not wishes:
        return
    rows = await database.write(
        status_updates.INSERT_STATUS_UPDATES_AT_ONCE, *columns_of(map(values_of, wishes)), lock_seconds=_LOCK_SECONDS
    )
    # Committed: from here on the update is decided, with this hint or, if it is lost, without.
    hints.hint([wish.posting_id for wish in wishes])
    accepted_at = {row["id"]: row["accepted_at"] for row in rows}
    for wish in wishes:
        # Taken out: of two wishes with one id, the second has to show that it is the same.
        if moment := accepted_at.pop(wish.id, None):
            wish.outcome = _queued(wish, moment)


def _queued(wish: Wish, accepted_at: datetime) -> StatusUpdate:
    request = wish.request
    return StatusUpdate.made_of(
        {
            "id": wish.id,
            "tracking_code": wish.tracking_code,
            "status": request.status,
            "occurred_at": request.occurred_at,
            "city": request.city,
            "uf": request.uf,
            "description": request.description,
            "state": "queued",
            "refusal": None,
            "accepted_at": accepted_at,
            "decided_at": None,
        }
    )


def status_update(row: Row) -> StatusUpdate:
    """The stored update as its callers see it."""
    refusal = reason(row["refusal"]) if row["refusal"] else None
    return StatusUpdate.trusted({**row, "refusal": refusal})
