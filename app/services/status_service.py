"""Status updates as their callers know them: asking for one, and finding out what became of it."""

from typing import Final, LiteralString
from uuid import UUID

from app.core.cursors import CursorRefused, decode_cursor, encode_cursor
from app.core.ids import id_from_key, new_id
from app.core.tracking_code import is_tracking_code, normalize_tracking_code
from app.db.database import Executor
from app.db.queries import status_updates
from app.models.clients import Caller
from app.models.status_updates import (
    BatchedStatusUpdate,
    BatchedStatusUpdates,
    StatusUpdate,
    StatusUpdatePage,
    StatusUpdateQuery,
    StatusUpdateRequest,
    StatusUpdateRequests,
)
from app.services.acceptance import Outcome, Wish, status_update
from app.services.acceptance_desk import AcceptanceDesk
from app.services.errors import InvalidCursor, InvalidTrackingCode, Refusal, StatusUpdateNotFound
from app.services.refusals import reason

_AFTER_ALL: Final = 2**63 - 1


async def request_status_update(
    desk: AcceptanceDesk,
    caller: Caller,
    tracking_code: str,
    request: StatusUpdateRequest,
    *,
    idempotency_key: str | None = None,
) -> StatusUpdate:
    """Accept one update, durably; raises the Refusal when it can be refused at once."""
    wish = _wish(caller, tracking_code, request, idempotency_key, 0)
    if wish.outcome is None:
        await desk.accept([wish])
    if isinstance(wish.outcome, Refusal):
        raise wish.outcome
    assert wish.outcome is not None  # noqa: S101 - for the type: the desk has given it one
    return wish.outcome


async def request_status_updates(
    desk: AcceptanceDesk, caller: Caller, batch: StatusUpdateRequests, *, idempotency_key: str | None = None
) -> BatchedStatusUpdates:
    """Accept many, each on its own, and tell of each what became of it; those of one posting are decided in this order."""
    wishes = [
        _wish(caller, item.tracking_code, item, idempotency_key, position)
        for position, item in enumerate(batch.updates)
    ]
    # The desk puts the wishes of many requests into one statement: one that is no code, and may hold a NUL, would spoil it for all.
    await desk.accept([wish for wish in wishes if wish.outcome is None])
    outcomes = [wish.outcome for wish in wishes if wish.outcome is not None]
    return BatchedStatusUpdates.model_construct(
        updates=[_batched(item.tracking_code, outcome) for item, outcome in zip(batch.updates, outcomes, strict=True)]
    )


def _wish(caller: Caller, code: str, request: StatusUpdateRequest, key: str | None, position: int) -> Wish:
    """The wish at this position of a request, refused already where the code is none.

    With an Idempotency-Key its id is made from caller, key and position: a repetition is the same update.
    """
    tracking_code = normalize_tracking_code(code)
    return Wish(
        id=new_id() if key is None else id_from_key(str(caller.id), key, str(position)),
        caller=caller,
        tracking_code=tracking_code,
        request=request,
        repeatable=key is not None,
        outcome=None if is_tracking_code(tracking_code) else InvalidTrackingCode(),
    )


def _batched(tracking_code: str, outcome: Outcome) -> BatchedStatusUpdate:
    update, refusal = (None, reason(outcome.code())) if isinstance(outcome, Refusal) else (outcome, outcome.refusal)
    return BatchedStatusUpdate.made_of(
        {
            "tracking_code": update.tracking_code if update else tracking_code,
            "state": update.state if update else "refused",
            "status_update": update,
            "refusal": refusal,
        }
    )


async def get_status_update(executor: Executor, caller: Caller, update_id: UUID) -> StatusUpdate:
    """The update as it stands; raises StatusUpdateNotFound, for somebody else's too."""
    row = await executor.fetch_one(status_updates.SELECT_STATUS_UPDATE, update_id, caller.scope)
    if row is None:
        raise StatusUpdateNotFound
    return status_update(row)


async def list_status_updates(executor: Executor, caller: Caller, query: StatusUpdateQuery) -> StatusUpdatePage:
    """One page of the updates of the caller's postings (an operator's: of all), the newest first; raises InvalidCursor."""
    tracking_code = query.tracking_code and normalize_tracking_code(query.tracking_code)
    of_client, of_all = _page_statements(query)
    rows = await executor.fetch(
        of_all if caller.scope is None else of_client,
        caller.scope,
        query.state,
        tracking_code,
        query.refusal,
        _AFTER_ALL if query.cursor is None else _position(query.cursor),
        query.limit + 1,
    )
    page = rows[: query.limit]
    return StatusUpdatePage.model_construct(
        status_updates=[status_update(row) for row in page],
        next_cursor=encode_cursor("status_updates", page[-1]["seq"]) if len(rows) > query.limit else None,
    )


def _page_statements(query: StatusUpdateQuery) -> tuple[LiteralString, LiteralString]:
    """Those that read no more than the page shows: of a client's updates, and of all."""
    if query.tracking_code:
        return status_updates.SELECT_STATUS_UPDATES_OF_POSTING, status_updates.SELECT_ALL_STATUS_UPDATES_OF_POSTING
    if query.refusal or query.state == "refused":
        return status_updates.SELECT_STATUS_UPDATES_REFUSED, status_updates.SELECT_ALL_STATUS_UPDATES_REFUSED
    if query.state == "queued":
        return status_updates.SELECT_STATUS_UPDATES_QUEUED, status_updates.SELECT_ALL_STATUS_UPDATES_QUEUED
    return status_updates.SELECT_STATUS_UPDATES, status_updates.SELECT_ALL_STATUS_UPDATES


def _position(cursor: str) -> int:
    try:
        (seq,) = decode_cursor("status_updates", cursor)
    except (CursorRefused, ValueError) as error:
        raise InvalidCursor from error
    if not isinstance(seq, int) or not 0 <= seq <= _AFTER_ALL:
        raise InvalidCursor
    return seq
