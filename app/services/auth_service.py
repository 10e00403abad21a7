"""Signing in: a password for the tokens of a session, and what else a password opens."""

from dataclasses import dataclass

from app.db.database import Database
from app.db.queries import clients
from app.models.audit import Source
from app.models.auth import PasswordChange, TokenRequest, Tokens
from app.models.clients import Caller
from app.models.fields import normal_email
from app.models.scopes import scopes_of
from app.services import session_service
from app.services.audit_service import record_event
from app.services.errors import ClientSuspended, InvalidCredentials, NotAuthenticated, WrongPassword
from app.services.password_policy import check_password
from app.services.ports import PasswordHasher
from app.services.session_service import SessionRules
from app.services.sign_in_limits import SignInLimits


@dataclass(frozen=True, slots=True)
class SignInRules:
    """What passwords are verified with, how often they may be guessed, and what sessions they begin."""

    passwords: PasswordHasher
    limits: SignInLimits
    sessions: SessionRules


async def issue_tokens(database: Database, rules: SignInRules, source: Source, request: TokenRequest) -> Tokens:
    """Tokens for a password or a refresh token; raises InvalidCredentials, InvalidGrant, and then ClientSuspended and InvalidScope.

    Only passwords can be guessed: QuotaExceeded says that it was tried too often, and no refresh token is ever refused for that.
    """
    if request.grant_type == "refresh_token":
        return await session_service.refresh_session(
            database, rules.sessions, source, request.refresh_token, request.scope
        )
    email = _normal_email(request.username or "")
    async with rules.limits.attempt(email, source.address):
        return await _sign_in(database, rules, email, request)


async def _sign_in(database: Database, rules: SignInRules, email: str, request: TokenRequest) -> Tokens:
    """An unknown e-mail takes as long and is answered the same as a wrong password."""
    row = await database.reader.fetch_one(clients.SELECT_CREDENTIALS, email)
    password_hash = row["password_hash"] if row else None
    if not await rules.passwords.verify(request.password or "", password_hash) or row is None:
        raise InvalidCredentials
    if row["suspended_at"] is not None:
        raise ClientSuspended
    scopes = session_service.granted_scopes(request.scope, scopes_of(row["role"]))
    async with database.transaction() as transaction:
        tokens = await session_service.start_session(transaction, rules.sessions, row, scopes)
    if tokens is None:
        raise InvalidCredentials
    return tokens


def _normal_email(username: str) -> str:
    """The user name as e-mails are stored; what is no e-mail is nobody's, and refused like an unknown one."""
    written = username.strip()
    try:
        return normal_email(written)
    except ValueError:
        return written.lower()


async def change_password(
    database: Database, rules: SignInRules, source: Source, caller: Caller, change: PasswordChange
) -> None:
    """Change the password and end all sessions; raises NotAuthenticated, GuessablePassword, QuotaExceeded and WrongPassword.

    No connection is held while passwords are hashed.
    """
    row = await database.reader.fetch_one(clients.SELECT_PASSWORD_HASH, caller.id)
    if row is None:
        raise NotAuthenticated
    check_password(rules.passwords, change.new_password, email=row["email"], name=row["name"])
    current_hash = row["password_hash"]
    async with rules.limits.attempt(row["email"], source.address):
        if not await rules.passwords.verify(change.current_password, current_hash):
            raise WrongPassword
    new_hash = await rules.passwords.hash(change.new_password)
    async with database.transaction() as transaction:
        if not await transaction.fetch_one(clients.UPDATE_PASSWORD, caller.id, current_hash, new_hash):
            raise WrongPassword
        # In a statement of its own: it sees the sessions that were begun before the password was changed, all of them.
        await session_service.end_sessions(transaction, caller.id)
        await record_event(transaction, source, "client.password_changed", client_id=caller.id)
