"""Passwords and access tokens: pure, but for the threads that hash."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, TypeVar
from uuid import UUID

import jwt
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.common_passwords import fold_password, read_common_passwords
from app.core.memory import give_back_memory
from app.core.threads import BoundedThreads
from app.models.clients import Role
from app.models.scopes import Scope, known_scopes

T = TypeVar("T")

_ALGORITHM: Final = "HS256"
_TYPE: Final = "at+jwt"  # RFC 9068, section 2.1
_NAME: Final = "postagens"  # issuer and audience: the tokens are made and read by the same service
_LEEWAY: Final = timedelta(minutes=1)


# About a second's work: whoever came after that would wait for longer than a login is worth.
_MOST_WAITING_PER_THREAD: Final = 32
# Who signs in can wait for a moment longer: whatever else the process does goes first.
_NICENESS: Final = 10
# The 19 MB of a hash are kept for the next one, which takes half as long then; but not when nobody has come for so long.
_IDLE_SECONDS: Final = 5.0


class Passwords:
    """Argon2id, m=19456 KiB, t=2, p=1 (OWASP Password Storage Cheat Sheet), in a few threads of its own.

    The threads are the bound: a flood of logins waits for them, and no other request does. Both functions raise ThreadsBusy, before
    any work, when too many wait already.
    """

    def __init__(self, *, threads: int, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._hash = PasswordHash((Argon2Hasher(memory_cost=19_456, time_cost=2, parallelism=1),))
        self._threads = BoundedThreads(
            threads, name="argon2", most_waiting=threads * _MOST_WAITING_PER_THREAD, niceness=_NICENESS
        )
        self._common = read_common_passwords()
        self._idle_seconds = idle_seconds
        self._idle: asyncio.TimerHandle | None = None

    def is_common(self, password: str) -> bool:
        """Whether the password is on the list of common ones, in capitals or not."""
        return fold_password(password) in self._common

    async def hash(self, password: str) -> str:
        """The hash to keep, with its salt and parameters."""
        return await self._in_thread(self._hash.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password belongs to the hash; as slow, and False, when there is no hash."""
        return await self._in_thread(self._verify, password, password_hash)

    async def _in_thread(self, work: Callable[..., T], *arguments: str | None) -> T:
        with self._threads.place_for(1):
            try:
                return await self._threads.run(work, *arguments)
            finally:
                self._wait_for_idleness()

    def _wait_for_idleness(self) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, give_back_memory)

    @cached_property
    def _nobody(self) -> str:
        """What a login for an unknown e-mail is verified against, so that it takes as long as any other."""
        return self._hash.hash("nobody has this password")

    def _verify(self, password: str, password_hash: str | None) -> bool:
        # Made at the first login, whoever comes with it: it tells nothing of who that was, and the start need not wait for it.
        nobody = self._nobody
        try:
            return self._hash.verify(password, password_hash or nobody) and password_hash is not None
        except PwdlibError:
            return False

    def close(self) -> None:
        """End the threads."""
        if self._idle:
            self._idle.cancel()
        self._threads.close()


class TokenRefused(Exception):
    """The text is not an access token of ours, or its time has passed."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says: of which session it is, what its bearer may do, and from when to when, in seconds since 1970."""

    session_id: UUID
    scopes: frozenset[Scope]
    begins: float
    ends: float


class AccessTokens:
    """Access tokens: JWTs (RFC 7519, RFC 9068) signed with HMAC-SHA-256, each with the id of the key that signed it.

    New ones are signed with `secret`. While it takes the place of another, those that the other signed are taken too.
    """

    def __init__(self, secret: str, previous_secret: str = "", *, lifetime: timedelta) -> None:
        self._secret = secret
        self._kid = _key_id(secret)
        self._secrets = {_key_id(each): each for each in (secret, previous_secret) if each}
        self._lifetime = lifetime

    @property
    def lifetime_seconds(self) -> int:
        """How long a token lives."""
        return int(self._lifetime.total_seconds())

    def issue(self, session_id: UUID, client_id: UUID, role: Role, scopes: Iterable[Scope]) -> str:
        """A token of this session, for its client."""
        now = datetime.now(UTC)
        claims = {
            "iss": _NAME,
            "aud": _NAME,
            "sub": str(client_id),
            "sid": str(session_id),
            "role": role,
            "scope": " ".join(scopes),
            "iat": now,
            "nbf": now,
            "exp": now + self._lifetime,
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM, headers={"typ": _TYPE, "kid": self._kid})

    def read(self, token: str) -> AccessClaims:
        """What the token says; raises TokenRefused. Whether its session has ended, no token can say."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != _TYPE:
                raise TokenRefused("the token is of another type")
            claims = jwt.decode(
                token,
                self._secrets[str(header.get("kid"))],
                algorithms=[_ALGORITHM],
                issuer=_NAME,
                audience=_NAME,
                leeway=_LEEWAY,
                options={"require": ["iss", "aud", "sub", "sid", "scope", "iat", "nbf", "exp"]},
            )
            leeway = _LEEWAY.total_seconds()
            return AccessClaims(
                session_id=UUID(claims["sid"]),
                scopes=known_scopes(str(claims["scope"]).split(" ")),
                begins=max(int(claims["nbf"]), int(claims["iat"])) - leeway,
                ends=int(claims["exp"]) + leeway,
            )
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise TokenRefused(str(error)) from error


def _key_id(secret: str) -> str:
    """Tells keys apart, and nothing else about them."""
    return hashlib.sha256(f"postagens key id {secret}".encode()).hexdigest()[:16]
