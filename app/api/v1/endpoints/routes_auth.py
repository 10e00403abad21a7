"""Signing in."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Response

from app.api.problems import declares
from app.core.deps import PartsDep
from app.models.clients import AccessToken, PasswordGrant
from app.services import auth_service
from app.services.errors import ClientSuspended, InvalidCredentials

router: Final = APIRouter(prefix="/auth", tags=["auth"])


_NO_STORE: Final[dict[str, Any]] = {
    "headers": {"Cache-Control": {"required": True, "schema": {"type": "string", "const": "no-store"}}}
}


@router.post("/token", responses={200: _NO_STORE, **declares(InvalidCredentials, ClientSuspended)})
async def issue_access_token(
    parts: PartsDep, grant: Annotated[PasswordGrant, Form()], response: Response
) -> AccessToken:
    """An access token for an e-mail (as `username`) and a password: RFC 6749, section 4.3."""
    response.headers["Cache-Control"] = "no-store"
    return await auth_service.issue_access_token(parts.database.reader, parts.passwords, parts.tokens, grant)
