"""What operators look after: clients, the queue, and the audit log."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.api.links import NEXT_PAGE, link_next
from app.api.problems import declares
from app.core.deps import OperatorDep, PartsDep, ReaderDep, SourceDep, TransactionDep
from app.models.admin import ClientQuery, ManagedClient, ManagedClientPage, Suspension
from app.models.audit import AuditPage, AuditQuery
from app.models.fields import Id
from app.models.status_updates import Queue, Redrive, RedriveRequest
from app.services import admin_service, audit_service, queue_service
from app.services.errors import ClientNotFound, InvalidCursor, OperatorOnly, OwnAccount

router: Final = APIRouter(prefix="/admin", tags=["admin"], responses=declares(OperatorOnly))


@router.get("/queue")
async def get_queue(reader: ReaderDep, _operator: OperatorDep) -> Queue:
    """How many updates wait, since when, and how many dead letters there are (`GET /status-updates?refusal=internal_error` lists them)."""
    return await queue_service.get_queue(reader)


@router.post("/dead-letters/redrive")
async def redrive_dead_letters(
    parts: PartsDep, _operator: OperatorDep, source: SourceDep, redrive: RedriveRequest
) -> Redrive:
    """Queue dead letters again: those named, or all."""
    return await queue_service.redrive_dead_letters(parts.database, parts.hints, source, redrive.status_update_ids)


@router.get("/clients", responses={200: NEXT_PAGE, **declares(InvalidCursor)})
async def list_clients(
    reader: ReaderDep,
    _operator: OperatorDep,
    query: Annotated[ClientQuery, Query()],
    request: Request,
    response: Response,
) -> ManagedClientPage:
    """All clients and operators, page by page, those registered last first."""
    page = await admin_service.list_clients(reader, query)
    link_next(request, response, page.next_cursor)
    return page


@router.get("/clients/{client_id}", responses=declares(ClientNotFound))
async def find_client(reader: ReaderDep, _operator: OperatorDep, client_id: Id) -> ManagedClient:
    """One client."""
    return await admin_service.find_client(reader, client_id)


@router.post("/clients/{client_id}/suspend", responses=declares(ClientNotFound, OwnAccount))
async def suspend_client(
    transaction: TransactionDep, _operator: OperatorDep, source: SourceDep, client_id: Id, suspension: Suspension
) -> ManagedClient:
    """Take no credentials of this client any more: a second or two later each of its requests is a 403. Its postings go on."""
    return await admin_service.suspend_client(transaction, source, client_id, suspension)


@router.post("/clients/{client_id}/restore", responses=declares(ClientNotFound))
async def restore_client(
    transaction: TransactionDep, _operator: OperatorDep, source: SourceDep, client_id: Id
) -> ManagedClient:
    """Take the credentials of this client again."""
    return await admin_service.restore_client(transaction, source, client_id)


@router.get("/audit-log", responses={200: NEXT_PAGE, **declares(InvalidCursor)})
async def list_events(
    reader: ReaderDep,
    _operator: OperatorDep,
    query: Annotated[AuditQuery, Query()],
    request: Request,
    response: Response,
) -> AuditPage:
    """Who did what to which account, when and from where, the newest first. The log is only ever added to."""
    page = await audit_service.list_events(reader, query)
    link_next(request, response, page.next_cursor)
    return page
