"""Status updates as their callers know them: asking for one, and finding out what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.core.cursors import CursorRefused, decode_cursor, encode_cursor
from app.core.ids import id_from_key, new_id
from app.core.tracking_code import is_tracking_code, normalize_tracking_code
from app.db.database import Database, Executor, Row
from app.db.queries import status_updates
from app.models.clients import Caller
from app.models.status_updates import (
    BatchedStatusUpdate,
    BatchedStatusUpdates,
    Event,
    StatusUpdate,
    StatusUpdatePage,
    StatusUpdateQuery,
    StatusUpdateRequest,
    StatusUpdateRequests,
)
from app.services.errors import (
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidTrackingCode,
    OccurredAtInFuture,
    PostingNotFound,
    Refusal,
    StatusUpdateNotFound,
)
from app.services.ports import Hints
from app.services.posting_lifecycle import refusal_at_once
from app.services.refusals import reason

_AFTER_ALL: Final = 2**63 - 1

Outcome = StatusUpdate | Refusal
"""What became of a wish at once: its update, or why there is none."""


@dataclass(slots=True)
class _Wish:
    """One item on its way: what was asked, under which id, and what became of it."""

    id: UUID
    tracking_code: str
    request: StatusUpdateRequest
    posting_id: int = 0
    client_id: UUID | None = None
    outcome: Outcome | None = None

    def is_repeated_by(self, row: Row) -> bool:
        """Whether the stored update is this very wish."""
        request = self.request
        return bool(
            row["tracking_code"] == self.tracking_code
            and row["status"] == request.status
            and row["occurred_at"] == request.occurred_at
            and row["city"] == request.city
            and row["uf"] == request.uf
            and row["description"] == request.description
        )


async def request_status_update(
    database: Database,
    hints: Hints,
    caller: Caller,
    tracking_code: str,
    request: StatusUpdateRequest,
    *,
    idempotency_key: str | None = None,
) -> StatusUpdate:
    """Accept one update, durably; raises the Refusal when it can be refused at once."""
    (outcome,) = await request_status_updates(
        database, hints, caller, [(tracking_code, request)], idempotency_key=idempotency_key
    )
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def request_status_updates(
    database: Database,
    hints: Hints,
    caller: Caller,
    asked: Sequence[tuple[str, StatusUpdateRequest]],
    *,
    idempotency_key: str | None = None,
) -> list[Outcome]:
    """Accept many, each on its own: what is returned as an update is committed, and is decided in this order for its posting.

    With an Idempotency-Key the id of an update is made from caller, key and position, so a repetition is the same update. Reading
    and refusing need no transaction, since a refusal against the stored status can never become wrong later.
    """
    wishes = [
        _Wish(
            id=new_id() if idempotency_key is None else id_from_key(str(caller.id), idempotency_key, str(position)),
            tracking_code=normalize_tracking_code(code),
            request=request,
        )
        for position, (code, request) in enumerate(asked)
    ]
    await _refuse_at_once(database.reader, caller, wishes)
    if idempotency_key is not None:
        # After the look at the posting, so that a repetition is not refused because of what it did itself the first time.
        await _find_repeated(database.reader, caller, wishes)
    await _accept(database, hints, caller, [wish for wish in wishes if wish.outcome is None])
    return [wish.outcome for wish in wishes if wish.outcome is not None]


async def request_batch(
    database: Database, hints: Hints, caller: Caller, batch: StatusUpdateRequests, *, idempotency_key: str | None = None
) -> BatchedStatusUpdates:
    """Accept many, and tell of each what became of it."""
    asked = [(item.tracking_code, item) for item in batch.updates]
    outcomes = await request_status_updates(database, hints, caller, asked, idempotency_key=idempotency_key)
    return BatchedStatusUpdates.model_construct(
        updates=[_batched(code, outcome) for (code, _), outcome in zip(asked, outcomes, strict=True)]
    )


def _batched(tracking_code: str, outcome: Outcome) -> BatchedStatusUpdate:
    if isinstance(outcome, Refusal):
        return BatchedStatusUpdate.model_construct(
            tracking_code=tracking_code, state="refused", status_update=None, refusal=reason(outcome.code())
        )
    return BatchedStatusUpdate.model_construct(
        tracking_code=outcome.tracking_code, state=outcome.state, status_update=outcome, refusal=outcome.refusal
    )


async def _find_repeated(executor: Executor, caller: Caller, wishes: Sequence[_Wish]) -> None:
    rows = await executor.fetch(status_updates.SELECT_STATUS_UPDATES_BY_ID, [wish.id for wish in wishes], caller.id)
    stored = {row["id"]: row for row in rows}
    for wish in wishes:
        if row := stored.get(wish.id):
            wish.outcome = _status_update(row) if wish.is_repeated_by(row) else IdempotencyKeyReused()


async def _refuse_at_once(executor: Executor, caller: Caller, wishes: Sequence[_Wish]) -> None:
    codes = [wish.tracking_code for wish in wishes]
    times = [wish.request.occurred_at for wish in wishes]
    rows = await executor.fetch(status_updates.SELECT_POSTINGS_ASKED_FOR, codes, caller.scope, times)
    postings = {row["position"] - 1: row for row in rows}
    for position, wish in enumerate(wishes):
        if posting := postings.get(position):
            wish.posting_id, wish.client_id = posting["posting_id"], posting["client_id"]
            wish.outcome = _refusal_of(posting, wish.request)
        else:
            wish.outcome = PostingNotFound() if is_tracking_code(wish.tracking_code) else InvalidTrackingCode()


def _refusal_of(posting: Row, request: StatusUpdateRequest) -> Refusal | None:
    if posting["ahead_of_time"]:
        return OccurredAtInFuture()
    timed = request.occurred_at is not None
    event = Event(
        request.status, request.occurred_at or posting["status_at"], request.city, request.uf, request.description
    )
    refusal = refusal_at_once(posting["status"], posting["status_at"], posting["posted_at"], event, timed=timed)
    return refusal() if refusal else None


async def _accept(database: Database, hints: Hints, caller: Caller, wishes: Sequence[_Wish]) -> None:
    if not wishes:
        return
    async with database.transaction() as transaction:
        rows = await transaction.fetch(status_updates.INSERT_STATUS_UPDATES, caller.id, *_columns(wishes))
    # Committed: from here on the update is decided, with this hint or, if it is lost, without.
    hints.hint([wish.posting_id for wish in wishes])
    accepted_at = {row["id"]: row["accepted_at"] for row in rows}
    for wish in wishes:
        if wish.id in accepted_at:
            wish.outcome = StatusUpdate.model_construct(
                id=wish.id,
                tracking_code=wish.tracking_code,
                **{name: getattr(wish.request, name) for name in StatusUpdateRequest.model_fields},
                state="queued",
                refusal=None,
                accepted_at=accepted_at[wish.id],
                decided_at=None,
            )
    # What is left lost a race against its own repetition: that one was committed, and is the same update.
    if missed := [wish for wish in wishes if wish.outcome is None]:
        await _find_repeated(database.reader, caller, missed)


def _columns(wishes: Sequence[_Wish]) -> list[list[object]]:
    """The wishes in the order of INSERT_STATUS_UPDATES' arrays."""
    rows = [
        (
            wish.id,
            wish.posting_id,
            wish.client_id,
            wish.request.status,
            wish.request.occurred_at,
            wish.request.city,
            wish.request.uf,
            wish.request.description,
        )
        for wish in wishes
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _status_update(row: Row) -> StatusUpdate:
    refusal = reason(row["refusal"]) if row["refusal"] else None
    return StatusUpdate.model_construct(**{**row, "refusal": refusal})


async def get_status_update(executor: Executor, caller: Caller, update_id: UUID) -> StatusUpdate:
    """The update as it stands; raises StatusUpdateNotFound, for somebody else's too."""
    row = await executor.fetch_one(status_updates.SELECT_STATUS_UPDATE, update_id, caller.scope)
    if row is None:
        raise StatusUpdateNotFound
    return _status_update(row)


async def list_status_updates(executor: Executor, caller: Caller, query: StatusUpdateQuery) -> StatusUpdatePage:
    """One page of the updates of the caller's postings (an operator's: of all), the newest first; raises InvalidCursor."""
    tracking_code = query.tracking_code and normalize_tracking_code(query.tracking_code)
    rows = await executor.fetch(
        status_updates.SELECT_ALL_STATUS_UPDATES if caller.scope is None else status_updates.SELECT_STATUS_UPDATES,
        caller.scope,
        query.state,
        tracking_code,
        query.refusal,
        _AFTER_ALL if query.cursor is None else _position(query.cursor),
        query.limit + 1,
    )
    page = rows[: query.limit]
    return StatusUpdatePage.model_construct(
        status_updates=[_status_update(row) for row in page],
        next_cursor=encode_cursor("status_updates", page[-1]["seq"]) if len(rows) > query.limit else None,
    )


def _position(cursor: str) -> int:
    try:
        (seq,) = decode_cursor("status_updates", cursor)
    except (CursorRefused, ValueError) as error:
        raise InvalidCursor from error
    if not isinstance(seq, int) or not 0 <= seq <= _AFTER_ALL:
        raise InvalidCursor
    return seq
