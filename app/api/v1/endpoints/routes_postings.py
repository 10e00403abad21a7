"""Postings: creating, reading, and asking for a status update."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.api.links import LOCATION, NEXT_PAGE, link_next
from app.api.problems import declares
from app.core.deps import (
    IdempotencyKeyDep,
    PartsDep,
    PostingsReaderDep,
    PostingsWriterDep,
    ReaderDep,
    StatusWriterDep,
    TrackingCodePath,
    TransactionDep,
)
from app.models.postings import NewPosting, NewPostings, Posting, PostingPage, PostingQuery, Postings
from app.models.status_updates import History, StatusUpdate, StatusUpdateRequest
from app.services import errors, posting_service, status_service

router: Final = APIRouter(prefix="/postings", tags=["postings"])

_CREATION: Final = declares(
    errors.InvalidIdempotencyKey,
    errors.ReferenceTaken,
    errors.DuplicateReference,
    errors.IdempotencyKeyReused,
    errors.PostedAtInFuture,
    errors.TrackingCodesExhausted,
    errors.UnknownScenario,
)


@router.post("", status_code=201, responses={201: LOCATION, **_CREATION})
async def create_posting(
    *,
    transaction: TransactionDep,
    parts: PartsDep,
    caller: PostingsWriterDep,
    posting: NewPosting,
    key: IdempotencyKeyDep,
    response: Response,
) -> Posting:
    """Create one posting; its tracking code is in the answer."""
    created = await posting_service.create_posting(
        transaction, parts.posting_rules, caller, posting, idempotency_key=key
    )
    response.headers["Location"] = f"/api/v1/postings/{created.tracking_code}"
    return created


@router.post("/batch", status_code=201, responses=_CREATION)
async def create_postings(
    transaction: TransactionDep, parts: PartsDep, caller: PostingsWriterDep, batch: NewPostings, key: IdempotencyKeyDep
) -> Postings:
    """Create up to 1 000 postings: all of them, or none."""
    return await posting_service.create_postings(
        transaction, parts.posting_rules, caller, batch.postings, idempotency_key=key
    )


@router.get("", responses={200: NEXT_PAGE, **declares(errors.InvalidCursor)})
async def list_postings(
    reader: ReaderDep,
    caller: PostingsReaderDep,
    query: Annotated[PostingQuery, Query()],
    request: Request,
    response: Response,
) -> PostingPage:
    """Your postings, page by page; an operator's page is of all."""
    page = await posting_service.list_postings(reader, caller, query)
    link_next(request, response, page.next_cursor)
    return page


_READING: Final = declares(errors.PostingNotFound, errors.InvalidTrackingCode)


@router.get("/{tracking_code}", responses=_READING)
async def get_posting(parts: PartsDep, caller: PostingsReaderDep, tracking_code: TrackingCodePath) -> Posting:
    """One posting, with everything that is known of it."""
    return await posting_service.get_posting(parts.owned_desk, caller, tracking_code)


@router.get("/{tracking_code}/history", responses=_READING)
async def get_history(parts: PartsDep, caller: PostingsReaderDep, tracking_code: TrackingCodePath) -> History:
    """The steps of one posting, in the order in which they happened."""
    return await posting_service.get_history(parts.database.reader, parts.owned_desk, caller, tracking_code)


_ASKING: Final = declares(
    errors.InvalidIdempotencyKey,
    errors.PostingNotFound,
    errors.AlreadyInStatus,
    errors.IllegalTransition,
    errors.OutOfSequence,
    errors.InvalidTrackingCode,
    errors.OccurredAtInFuture,
    errors.IdempotencyKeyReused,
    errors.BacklogFull,
    errors.PostingHeld,
)


@router.patch(
    "/{tracking_code}/status",
    status_code=202,
    responses={202: LOCATION, **_ASKING},
)
async def request_status_update(
    *,
    parts: PartsDep,
    caller: StatusWriterDep,
    tracking_code: TrackingCodePath,
    update: StatusUpdateRequest,
    key: IdempotencyKeyDep,
    response: Response,
) -> StatusUpdate:
    """Ask for a status update. 202: it is committed, and will be applied, or refused with a reason; look at its Location."""
    accepted = await status_service.request_status_update(
        parts.acceptance_desk, caller, tracking_code, update, idempotency_key=key
    )
    response.headers["Location"] = f"/api/v1/status-updates/{accepted.id}"
    return accepted
