"""Who makes a request: what the Authorization header says, held against what still holds."""

import time
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from app.core.api_keys import hash_api_key, is_api_key, is_meant_as_api_key
from app.core.auth import AccessClaims, AccessTokens, TokenRefused
from app.models.clients import Caller
from app.models.scopes import Scope
from app.services.errors import ClientSuspended, InsufficientScope, MistypedApiKey, NotAuthenticated
from app.services.lookup_desk import LookupDesk

SessionDesk: TypeAlias = LookupDesk[UUID, Caller]
"""Sessions that are looked up together: the caller of each that has not ended."""

# For so long a credential that was looked at is not looked at again: whatever ends one before its time bites as late as that.
_REMEMBERED_SECONDS: Final = 2.0
_MOST_REMEMBERED: Final = 10_000
# A token has some 600 characters. Around it a header may have as many spaces as the server lets pass, so that one token could be
# remembered in ever new and ever longer forms: what is longer is looked at each time.
_LONGEST_REMEMBERED: Final = 2_048


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request was made with: who makes it, what it may do, and from when to when it holds, in seconds since 1970."""

    caller: Caller
    scopes: frozenset[Scope]
    begins: float
    ends: float

    def permit(self, scope: str) -> Caller:
        """The caller, who may do what the scope is for; raises InsufficientScope."""
        if scope not in self.scopes:
            raise InsufficientScope(scope)
        return self.caller


ApiKeyDesk: TypeAlias = LookupDesk[bytes, Credential]
"""API keys that are looked up together, by their hashes."""


class Authenticator:
    """Looks at each credential once in a while, which costs a query, and at a token's signature once, which costs more than all else."""

    def __init__(self, tokens: AccessTokens, sessions: SessionDesk, api_keys: ApiKeyDesk) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._api_keys = api_keys
        # Until when a header is not looked at again, by a clock that only goes forward.
        self._remembered: dict[str, tuple[Credential, float]] = {}
        self._read_before: dict[str, AccessClaims] = {}

    async def authenticate(self, authorization: str | None) -> Credential:
        """What a request with this Authorization header is made with; raises NotAuthenticated, MistypedApiKey and ClientSuspended."""
        if authorization is None:
            raise NotAuthenticated
        if remembered := self.remembered(authorization):
            return remembered
        # Before the look: what ends a credential meanwhile is not to be remembered for longer.
        fresh_until = time.monotonic() + _REMEMBERED_SECONDS
        credential = await self._look_at(authorization)
        if credential.caller.suspended:
            raise ClientSuspended
        if len(authorization) <= _LONGEST_REMEMBERED:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[authorization] = credential, fresh_until
        return credential

    def remembered(self, authorization: str) -> Credential | None:
        """What this header was found to be when it was looked at a moment ago; None when that has to be done again."""
        if known := self._remembered.get(authorization):
            credential, fresh_until = known
            if time.monotonic() < fresh_until and credential.begins <= time.time() < credential.ends:
                return credential
        return None

    async def _look_at(self, authorization: str) -> Credential:
        scheme, _, bearer = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated
        bearer = bearer.strip()
        if is_meant_as_api_key(bearer):
            return await self._look_at_api_key(bearer)
        return await self._look_at_token(bearer)

    async def _look_at_api_key(self, key: str) -> Credential:
        if not is_api_key(key):
            raise MistypedApiKey
        credential = await self._api_keys.find(hash_api_key(key))
        if credential is None:
            raise NotAuthenticated
        return credential

    async def _look_at_token(self, token: str) -> Credential:
        claims = self._read(token)
        caller = await self._sessions.find(claims.session_id)
        if caller is None:
            raise NotAuthenticated
        return Credential(caller, claims.scopes, claims.begins, claims.ends)

    def _read(self, token: str) -> AccessClaims:
        """What the token says. A signature that was right stays right, and many ask with it in the moment when it is looked at again."""
        known = self._read_before.get(token)
        if known and known.begins <= time.time() < known.ends:
            return known
        try:
            claims = self._tokens.read(token)
        except TokenRefused as error:
            raise NotAuthenticated from error
        if len(token) <= _LONGEST_REMEMBERED:
            if len(self._read_before) >= _MOST_REMEMBERED:
                self._read_before.clear()
            self._read_before[token] = claims
        return claims
