"""Signing in: a password for an access token, and an access token for its caller."""

from app.core.auth import AccessTokens, TokenRefused
from app.db.database import Executor
from app.db.queries import clients
from app.models.clients import AccessToken, Caller, PasswordGrant
from app.services.barred_clients import BarredClients
from app.services.errors import ClientSuspended, InvalidCredentials, NotAuthenticated
from app.services.ports import PasswordHasher


async def issue_access_token(
    executor: Executor, passwords: PasswordHasher, tokens: AccessTokens, grant: PasswordGrant
) -> AccessToken:
    """An access token for the account with this e-mail and password; raises InvalidCredentials, and then ClientSuspended.

    An unknown e-mail takes as long and is answered the same as a wrong password.
    """
    row = await executor.fetch_one(clients.SELECT_CREDENTIALS, _normal_email(grant.username))
    if not await passwords.verify(grant.password, row["password_hash"] if row else None) or row is None:
        raise InvalidCredentials
    if row["suspended_at"] is not None:
        raise ClientSuspended
    return AccessToken(access_token=tokens.issue(row["id"], row["role"]), expires_in=tokens.lifetime_seconds)


def _normal_email(username: str) -> str:
    """The user name as e-mails are stored."""
    return username.strip().lower()


def authenticate(tokens: AccessTokens, barred: BarredClients, authorization: str | None) -> Caller:
    """Who sends this Authorization header; raises NotAuthenticated and ClientSuspended."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated
    try:
        client_id, role = tokens.read(token.strip())
    except TokenRefused as error:
        raise NotAuthenticated from error
    barred.check(client_id)
    return Caller(id=client_id, role=role)
