"""API keys: what a client's systems are let in with."""

from typing import Any, Final

from fastapi import APIRouter, Response

from app.api.problems import declares
from app.core.deps import CallerDep, ReaderDep, SourceDep, TransactionDep
from app.models.api_keys import ApiKeyRequest, ApiKeyRotation, ApiKeys, NewApiKey
from app.models.fields import Id
from app.services import api_key_service
from app.services.errors import ApiKeyNotFound, ExpiryInPast, TooManyApiKeys

router: Final = APIRouter(prefix="/clients/me/api-keys", tags=["API keys"])

_NEW: Final[dict[int | str, dict[str, Any]]] = {
    201: {"headers": {"Cache-Control": {"required": True, "schema": {"type": "string", "const": "no-store"}}}}
}


@router.post("", status_code=201, responses={**_NEW, **declares(TooManyApiKeys, ExpiryInPast)})
async def create_api_key(
    transaction: TransactionDep, source: SourceDep, caller: CallerDep, request: ApiKeyRequest, response: Response
) -> NewApiKey:
    """Make an API key. It is shown in this answer and never again: if the answer is lost, revoke that key and make another."""
    response.headers["Cache-Control"] = "no-store"
    return await api_key_service.create_api_key(transaction, source, caller, request)


@router.get("")
async def list_api_keys(reader: ReaderDep, caller: CallerDep) -> ApiKeys:
    """Your API keys: what each may do, until when, and when it was last used."""
    return await api_key_service.list_api_keys(reader, caller)


@router.post("/{key_id}/rotate", status_code=201, responses={**_NEW, **declares(ApiKeyNotFound, TooManyApiKeys)})
async def rotate_api_key(
    *,
    transaction: TransactionDep,
    source: SourceDep,
    caller: CallerDep,
    key_id: Id,
    rotation: ApiKeyRotation,
    response: Response,
) -> NewApiKey:
    """Make a key in the place of this one, which stays good for `overlap_hours`: time to hand the new one to every system."""
    response.headers["Cache-Control"] = "no-store"
    return await api_key_service.rotate_api_key(transaction, source, caller, key_id, rotation)


@router.delete("/{key_id}", status_code=204, response_class=Response, responses=declares(ApiKeyNotFound))
async def revoke_api_key(transaction: TransactionDep, source: SourceDep, caller: CallerDep, key_id: Id) -> None:
    """End an API key: it is refused within 5 seconds."""
    await api_key_service.revoke_api_key(transaction, source, caller, key_id)
