"""Clients: registering, and one's own account."""

from typing import Final

from fastapi import APIRouter, Response

from app.api.problems import declares
from app.core.deps import CallerDep, PartsDep, ReaderDep, TransactionDep
from app.models.auth import PasswordChange
from app.models.clients import Client, ClientChanges, ClientRegistration
from app.services import auth_service, clients_service
from app.services.errors import EmailTaken, WrongPassword

router: Final = APIRouter(prefix="/clients", tags=["clients"])


@router.post("", status_code=201, responses=declares(EmailTaken))
async def register_client(parts: PartsDep, registration: ClientRegistration) -> Client:
    """Register a client. Then get an access token at `POST /auth/token`."""
    return await clients_service.register_client(parts.database, parts.passwords, registration)


@router.get("/me")
async def get_client(reader: ReaderDep, caller: CallerDep) -> Client:
    """Your own account."""
    return await clients_service.get_client(reader, caller)


@router.patch("/me")
async def change_client(transaction: TransactionDep, caller: CallerDep, changes: ClientChanges) -> Client:
    """Change your name or document; what you leave out stays."""
    return await clients_service.change_client(transaction, caller, changes)


@router.post(
    "/me/password",
    status_code=204,
    response_class=Response,
    responses=declares(WrongPassword),
)
async def change_password(parts: PartsDep, caller: CallerDep, change: PasswordChange) -> None:
    """Change your password. All sessions end within 5 seconds, this one too: sign in again. API keys stay."""
    await auth_service.change_password(parts.database, parts.passwords, caller, change)
