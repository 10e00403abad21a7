"""Sessions: begun by a password, continued by refresh tokens that are used once each, ended by either side."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final
from uuid import UUID, uuid4

from app.core.auth import AccessTokens, TokenRefused
from app.core.refresh_tokens import RefreshToken, new_refresh_token, read_refresh_token
from app.db.database import Database, Executor, Row, Transaction
from app.db.queries import sessions
from app.models.audit import Source
from app.models.auth import Tokens
from app.models.clients import Caller, Role
from app.models.scopes import Scope, scopes_of
from app.services.audit_service import record_event
from app.services.errors import ClientSuspended, InvalidGrant, InvalidScope

# An answer may be lost on its way: for so long the request may be repeated, once.
_REPEATABLE: Final = timedelta(seconds=10)
# So many sessions of one client go on at once. All of them end in one statement when its password is changed or its account ends, which
# has to be done while its caller waits.
_MOST_GOING_ON: Final = 1_000


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What tokens are signed with, and how long a session lasts that is not continued."""

    tokens: AccessTokens
    lifetime: timedelta


class Use(Enum):
    """What the use of a refresh token comes to."""

    ROTATES = auto()
    REPEATS = auto()
    ENDS_THE_SESSION = auto()


def judge_use(
    used: bytes, token_hashes: Collection[bytes], spent_hash: bytes | None, *, just_rotated: bool, expired: bool
) -> Use:
    """RFC 9700, section 4.14.2: a token that was used before is in two hands, and nobody can tell which is the thief's.

    But who lost an answer may ask again; both answers' tokens are good then, until one of them is used.
    """
    if expired:
        return Use.ENDS_THE_SESSION
    if used in token_hashes:
        return Use.ROTATES
    if used == spent_hash and just_rotated and len(token_hashes) == 1:
        return Use.REPEATS
    return Use.ENDS_THE_SESSION


async def start_session(
    transaction: Transaction, rules: SessionRules, client: Row, scopes: Sequence[Scope]
) -> Tokens | None:
    """Begin a session of this client; None when its password is not the one any more that the row has.

    Of a client that has too many, those end that nobody continued for longest.
    """
    token = new_refresh_token(uuid4())
    begun = await transaction.fetch_one(
        sessions.INSERT_SESSION,
        token.session_id,
        client["id"],
        client["password_hash"],
        scopes,
        token.hash,
        rules.lifetime,
        _MOST_GOING_ON - 1,
    )
    return _tokens(rules, token, client["id"], client["role"], scopes) if begun else None


async def refresh_session(
    database: Database, rules: SessionRules, source: Source, refresh_token: str, scope: str
) -> Tokens:
    """New tokens for a refresh token; raises InvalidGrant, ClientSuspended, and InvalidScope for more than the session has."""
    used = read_refresh_token(refresh_token)
    if used is None:
        raise InvalidGrant
    async with database.transaction() as transaction:
        tokens = await _use(transaction, rules, source, used, scope)
    # After the commit: what ended a session has to stay.
    if tokens is None:
        raise InvalidGrant
    return tokens


async def _use(
    transaction: Transaction, rules: SessionRules, source: Source, used: RefreshToken, scope: str
) -> Tokens | None:
    row = await transaction.fetch_one(sessions.LOCK_SESSION, used.session_id, _REPEATABLE)
    if row is None:
        return None
    use = judge_use(
        used.hash, row["token_hashes"], row["spent_hash"], just_rotated=row["just_rotated"], expired=row["expired"]
    )
    if use is Use.ENDS_THE_SESSION:
        await transaction.execute(sessions.DELETE_SESSION, used.session_id)
        if not row["expired"]:
            await record_event(transaction, source, "session.token_reused", client_id=row["client_id"])
        return None
    if row["suspended"]:
        raise ClientSuspended  # the token is not spent: a restored client goes on with it
    scopes = granted_scopes(scope, row["scopes"])
    following = new_refresh_token(used.session_id)
    if use is Use.REPEATS:
        await transaction.execute(sessions.UPDATE_REPEATED_SESSION, used.session_id, following.hash)
    else:
        await transaction.execute(
            sessions.UPDATE_ROTATED_SESSION, used.session_id, used.hash, following.hash, rules.lifetime
        )
    return _tokens(rules, following, row["client_id"], row["role"], scopes)


def granted_scopes(asked: str, may_have: Sequence[Scope]) -> list[Scope]:
    """Those asked for, or all when none is; raises InvalidScope for one that may not be had."""
    if not (names := asked.split()):
        return list(may_have)
    if not set(names) <= set(may_have):
        raise InvalidScope
    return [scope for scope in may_have if scope in names]


def _tokens(
    rules: SessionRules, refresh_token: RefreshToken, client_id: UUID, role: Role, scopes: Sequence[Scope]
) -> Tokens:
    scopes = [scope for scope in scopes_of(role) if scope in scopes]
    return Tokens(
        access_token=rules.tokens.issue(refresh_token.session_id, client_id, role, scopes),
        expires_in=rules.tokens.lifetime_seconds,
        refresh_token=refresh_token.text,
        scope=" ".join(scopes),
    )


async def revoke_token(database: Database, rules: SessionRules, source: Source, token: str) -> None:
    """End the session that the access or refresh token is of; nothing happens for any other text (RFC 7009, section 2.2)."""
    async with database.transaction() as transaction:
        ended = await _end_session_of(transaction, rules, token)
        if ended is not None:
            itself = source.model_copy(update={"actor_id": ended["client_id"]})
            await record_event(transaction, itself, "session.revoked", client_id=ended["client_id"])


async def _end_session_of(transaction: Transaction, rules: SessionRules, token: str) -> Row | None:
    if refresh_token := read_refresh_token(token):
        return await transaction.fetch_one(
            sessions.DELETE_SESSION_OF_REFRESH_TOKEN, refresh_token.session_id, refresh_token.hash
        )
    try:
        claims = rules.tokens.read(token)
    except TokenRefused:
        return None
    return await transaction.fetch_one(sessions.DELETE_SESSION, claims.session_id)


async def end_sessions(transaction: Transaction, client_id: UUID) -> None:
    """End every session of the client: all its tokens are refused within moments."""
    await transaction.execute(sessions.DELETE_SESSIONS_OF_CLIENT, client_id)


async def find_bearers(executor: Executor, session_ids: Sequence[UUID]) -> Mapping[UUID, Caller]:
    """Whose these sessions are; those that have ended are left out."""
    rows = await executor.fetch(sessions.SELECT_SESSIONS, session_ids)
    return {row["id"]: Caller(id=row["client_id"], role=row["role"], suspended=row["suspended"]) for row in rows}
