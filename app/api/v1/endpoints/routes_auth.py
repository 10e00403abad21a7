"""Signing in and out."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Response

from app.api.problems import declares
from app.core.deps import AddressDep, PartsDep
from app.models.audit import Source
from app.models.auth import Revocation, TokenRequest, Tokens
from app.services import auth_service, errors, session_service

router: Final = APIRouter(prefix="/auth", tags=["auth"])


_NO_STORE: Final[dict[str, Any]] = {
    "headers": {"Cache-Control": {"required": True, "schema": {"type": "string", "const": "no-store"}}}
}


@router.post(
    "/token",
    responses={
        200: _NO_STORE,
        **declares(errors.InvalidGrant, errors.InvalidScope, errors.InvalidCredentials, errors.ClientSuspended),
    },
)
async def issue_tokens(
    parts: PartsDep, address: AddressDep, request: Annotated[TokenRequest, Form()], response: Response
) -> Tokens:
    """An access token and a refresh token: for an e-mail and a password, or for the refresh token before, which is spent by it.

    RFC 6749, sections 4.3 and 6. An answer that was lost may be asked for once more within 10 seconds; a refresh token that is used
    later or a third time ends its session. Who is wrong too often about a password is told to wait; refresh tokens go on meanwhile.
    """
    response.headers["Cache-Control"] = "no-store"
    return await auth_service.issue_tokens(parts.database, parts.sign_in_rules, Source(address=address), request)


@router.post("/revoke", response_class=Response)
async def revoke_token(parts: PartsDep, address: AddressDep, revocation: Annotated[Revocation, Form()]) -> None:
    """End a session by any of its tokens (RFC 7009): all of them are refused within 5 seconds. An unknown token is no error."""
    source = Source(address=address)
    await session_service.revoke_token(parts.database, parts.session_rules, source, revocation.token)
