"""Status updates: many at once, and what became of them."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.api.links import NEXT_PAGE, link_next
from app.api.problems import declares
from app.core.deps import IdempotencyKeyDep, PartsDep, PostingsReaderDep, ReaderDep, StatusWriterDep
from app.models.fields import Id
from app.models.status_updates import (
    BatchedStatusUpdates,
    StatusUpdate,
    StatusUpdatePage,
    StatusUpdateQuery,
    StatusUpdateRequests,
)
from app.services import errors, status_service

router: Final = APIRouter(prefix="/status-updates", tags=["status updates"])


@router.post(
    "",
    status_code=202,
    responses=declares(errors.InvalidIdempotencyKey, errors.BacklogFull),
)
async def request_status_updates(
    parts: PartsDep, caller: StatusWriterDep, batch: StatusUpdateRequests, key: IdempotencyKeyDep
) -> BatchedStatusUpdates:
    """Ask for up to 1 000 status updates; each is accepted or refused on its own, and decided in this order for its posting."""
    return await status_service.request_status_updates(parts.acceptance_desk, caller, batch, idempotency_key=key)


@router.get("", responses={200: NEXT_PAGE, **declares(errors.InvalidCursor)})
async def list_status_updates(
    reader: ReaderDep,
    caller: PostingsReaderDep,
    query: Annotated[StatusUpdateQuery, Query()],
    request: Request,
    response: Response,
) -> StatusUpdatePage:
    """The updates of your postings, the newest first; an operator's page is of all."""
    page = await status_service.list_status_updates(reader, caller, query)
    link_next(request, response, page.next_cursor)
    return page


@router.get("/{update_id}", responses=declares(errors.StatusUpdateNotFound))
async def get_status_update(reader: ReaderDep, caller: PostingsReaderDep, update_id: Id) -> StatusUpdate:
    """What became of one update: queued, applied, or refused with the reason."""
    return await status_service.get_status_update(reader, caller, update_id)
