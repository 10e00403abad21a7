"""Passwords and access tokens: pure, but for the threads that hash."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import jwt
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.threads import BoundedThreads
from app.models.clients import Role

T = TypeVar("T")

_ALGORITHM: Final = "HS256"
_TYPE: Final = "at+jwt"  # RFC 9068, section 2.1
_NAME: Final = "postagens"  # issuer and audience: the tokens are made and read by the same service
_LEEWAY: Final = timedelta(minutes=1)


# About a second's work: whoever came after that would wait for longer than a login is worth.
_MOST_WAITING_PER_THREAD: Final = 32


class Passwords:
    """Argon2id, m=19456 KiB, t=2, p=1 (OWASP Password Storage Cheat Sheet), in a few threads of its own.

    The threads are the bound: a flood of logins waits for them, and no other request does. Both functions raise ThreadsBusy, before
    any work, when too many wait already.
    """

    def __init__(self, *, threads: int) -> None:
        self._hash = PasswordHash((Argon2Hasher(memory_cost=19_456, time_cost=2, parallelism=1),))
        self._threads = BoundedThreads(threads, name="argon2", most_waiting=threads * _MOST_WAITING_PER_THREAD)
        # What a login for an unknown e-mail is verified against, so that it takes as long as any other.
        self._nobody = self._hash.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """The hash to keep, with its salt and parameters."""
        return await self._in_thread(self._hash.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password belongs to the hash; as slow, and False, when there is no hash."""
        matches = await self._in_thread(self._verify, password, password_hash or self._nobody)
        return matches and password_hash is not None

    async def _in_thread(self, work: Callable[..., T], *arguments: str) -> T:
        with self._threads.place_for(1):
            return await self._threads.run(work, *arguments)

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hash.verify(password, password_hash)
        except PwdlibError:
            return False

    def close(self) -> None:
        """End the threads."""
        self._threads.close()


class TokenRefused(Exception):
    """The text is not an access token of ours, or its time has passed."""


# For so long a token that was read once is not read again: whatever ends a token before its time bites as late as that.
_REMEMBERED_SECONDS: Final = 2.0
_MOST_REMEMBERED: Final = 10_000


class AccessTokens:
    """Access tokens: JWTs (RFC 7519, RFC 9068) signed with HMAC-SHA-256."""

    def __init__(self, secret: str, *, lifetime: timedelta) -> None:
        self._secret = secret
        self._lifetime = lifetime
        # The bearer of each token; until when that is not asked again, by a clock that only goes forward; and the token's own time.
        self._remembered: dict[str, tuple[tuple[UUID, Role], float, tuple[float, float]]] = {}

    @property
    def lifetime_seconds(self) -> int:
        """How long a token lives."""
        return int(self._lifetime.total_seconds())

    def issue(self, client_id: UUID, role: Role) -> str:
        """A token that says who its bearer is."""
        now = datetime.now(UTC)
        claims = {
            "iss": _NAME,
            "aud": _NAME,
            "sub": str(client_id),
            "role": role,
            "iat": now,
            "nbf": now,
            "exp": now + self._lifetime,
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM, headers={"typ": _TYPE})

    def read(self, token: str) -> tuple[UUID, Role]:
        """Who the bearer is; raises TokenRefused. What was read is remembered for a moment, within the token's own time."""
        if known := self._remembered.get(token):
            bearer, fresh_until, (begins, ends) = known
            if time.monotonic() < fresh_until and begins <= time.time() < ends:
                return bearer
        bearer, own_time = self._verify(token)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[token] = (bearer, time.monotonic() + _REMEMBERED_SECONDS, own_time)
        return bearer

    def _verify(self, token: str) -> tuple[tuple[UUID, Role], tuple[float, float]]:
        """Who the bearer is, and from when to when the token holds, in seconds since 1970."""
        try:
            decoded = jwt.decode_complete(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                issuer=_NAME,
                audience=_NAME,
                leeway=_LEEWAY,
                options={"require": ["iss", "aud", "sub", "iat", "nbf", "exp"]},
            )
            if decoded["header"].get("typ") != _TYPE:
                raise TokenRefused("the token is of another type")
            claims = decoded["payload"]
            leeway = _LEEWAY.total_seconds()
            own_time = max(int(claims["nbf"]), int(claims["iat"])) - leeway, int(claims["exp"]) + leeway
            return (UUID(claims["sub"]), _role(claims)), own_time
        except (jwt.InvalidTokenError, ValueError) as error:
            raise TokenRefused(str(error)) from error


def _role(claims: Mapping[str, object]) -> Role:
    match claims.get("role"):
        case "client":
            return "client"
        case "operator":
            return "operator"
        case other:
            raise TokenRefused(f"there is no role {other!r}")
