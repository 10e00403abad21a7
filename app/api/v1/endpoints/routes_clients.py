"""Clients: registering, and one's own account."""

from typing import Any, Final

from fastapi import APIRouter, Response

from app.api.files import files, stream_response
from app.api.problems import declares
from app.core.deps import AddressDep, CallerDep, PartsDep, ReaderDep, SourceDep, TransactionDep
from app.models.audit import Source
from app.models.auth import PasswordChange
from app.models.clients import Client, ClientChanges, ClientRegistration
from app.services import auth_service, clients_service, personal_data_service
from app.services.errors import EmailTaken, GuessablePassword, WrongPassword

router: Final = APIRouter(prefix="/clients", tags=["clients"])


@router.post("", status_code=201, responses=declares(EmailTaken, GuessablePassword))
async def register_client(parts: PartsDep, address: AddressDep, registration: ClientRegistration) -> Client:
    """Register a client. Then get an access token at `POST /auth/token`."""
    return await clients_service.register_client(parts.database, parts.passwords, Source(address=address), registration)


@router.get("/me")
async def get_client(reader: ReaderDep, caller: CallerDep) -> Client:
    """Your own account."""
    return await clients_service.get_client(reader, caller)


@router.patch("/me")
async def change_client(
    transaction: TransactionDep, source: SourceDep, caller: CallerDep, changes: ClientChanges
) -> Client:
    """Change your name or document; what you leave out stays."""
    return await clients_service.change_client(transaction, source, caller, changes)


@router.post(
    "/me/password",
    status_code=204,
    response_class=Response,
    responses=declares(WrongPassword, GuessablePassword),
)
async def change_password(parts: PartsDep, source: SourceDep, caller: CallerDep, change: PasswordChange) -> None:
    """Change your password. All sessions end within 5 seconds, this one too: sign in again. API keys stay."""
    await auth_service.change_password(parts.database, parts.sign_in_rules, source, caller, change)


@router.delete("/me", status_code=204, response_class=Response)
async def delete_client(transaction: TransactionDep, source: SourceDep, caller: CallerDep) -> None:
    """End your account, for good: its tokens and API keys are refused within 5 seconds, and what tells who you and your recipients are
    is taken out.

    Of finished postings within minutes, of those on their way when they are finished. The logistic facts stay.
    """
    await personal_data_service.delete_client(transaction, source, caller)


_EXPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: files("A file of JSON lines for each kind of thing.", {"application/zip": "PK …"})
}


@router.get("/me/export", response_class=Response, responses=_EXPORT)
async def export_client(transaction: TransactionDep, parts: PartsDep, source: SourceDep, caller: CallerDep) -> Response:
    """All that is held of you, but for what is a secret or its hash, as a zip of JSON lines."""
    pieces = await personal_data_service.export_client(transaction, parts.database.reader, source, caller)
    return stream_response("postagens.zip", "application/zip", pieces)
