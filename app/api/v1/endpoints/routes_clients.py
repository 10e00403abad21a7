"""Clients: registering, and one's own account."""

from typing import Final

from fastapi import APIRouter

from app.api.problems import declares
from app.core.deps import AddressDep, CallerDep, PartsDep, ReaderDep, SourceDep, TransactionDep
from app.models.audit import Source
from app.models.clients import Client, ClientChanges, ClientRegistration
from app.services import clients_service
from app.services.errors import EmailTaken, NotAuthenticated

router: Final = APIRouter(prefix="/clients", tags=["clients"])


@router.post("", status_code=201, responses=declares(EmailTaken))
async def register_client(parts: PartsDep, address: AddressDep, registration: ClientRegistration) -> Client:
    """Register a client. Then get an access token at `POST /auth/token`."""
    return await clients_service.register_client(parts.database, parts.passwords, Source(address=address), registration)


@router.get("/me", responses=declares(NotAuthenticated))
async def get_client(reader: ReaderDep, caller: CallerDep) -> Client:
    """Your own account."""
    return await clients_service.get_client(reader, caller)


@router.patch("/me", responses=declares(NotAuthenticated))
async def change_client(
    transaction: TransactionDep, source: SourceDep, caller: CallerDep, changes: ClientChanges
) -> Client:
    """Change your name or document; what you leave out stays."""
    return await clients_service.change_client(transaction, source, caller, changes)
