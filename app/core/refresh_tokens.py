"""Refresh tokens: opaque, and nothing in them but which session they continue and 32 random bytes. Only their SHA-256 is kept."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_PREFIX: Final = "postagens_refresh_"
_SECRET_BYTES: Final = 32
_UUID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of a session."""

    session_id: UUID
    secret: bytes

    @property
    def text(self) -> str:
        """As it is handed out: URL-safe, and with a prefix by which scanners of leaked secrets know it."""
        return _PREFIX + base64.urlsafe_b64encode(self.session_id.bytes + self.secret).decode()

    @property
    def hash(self) -> bytes:
        """What is kept: of so many random bytes nobody can guess any, so that the hash may be a quick one."""
        return hashlib.sha256(self.secret).digest()


def new_refresh_token(session_id: UUID) -> RefreshToken:
    """Another token of the session."""
    return RefreshToken(session_id, secrets.token_bytes(_SECRET_BYTES))


def read_refresh_token(text: str) -> RefreshToken | None:
    """The token that was handed out as this text, or None where none can have been."""
    prefix, encoded = text[: len(_PREFIX)], text[len(_PREFIX) :]
    try:
        content = base64.b64decode(encoded, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    if prefix != _PREFIX or len(content) != _UUID_BYTES + _SECRET_BYTES:
        return None
    return RefreshToken(UUID(bytes=content[:_UUID_BYTES]), content[_UUID_BYTES:])
