"""The text of API keys: a prefix that says what it is, 32 random bytes, and a checksum by which a typing mistake is noticed at once."""

import base64
import hashlib
import secrets
from typing import Final

from app.models.clients import Mode

_PREFIXES: Final[dict[Mode, str]] = {"live": "postagens_live_", "test": "postagens_test_"}
_SECRET_BYTES: Final = 32
# Together with the secret a multiple of 5 bytes, which Base32 writes without padding.
_CHECKSUM_BYTES: Final = 3


def new_api_key(mode: Mode = "live") -> str:
    """A key that nobody has: the prefix and 56 small letters and digits (Base32, RFC 4648, section 6)."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    return _PREFIXES[mode] + base64.b32encode(secret + _checksum(_PREFIXES[mode], secret)).decode().lower()


def is_meant_as_api_key(text: str) -> bool:
    """Whether the text begins as a key does."""
    return text.startswith(tuple(_PREFIXES.values()))


def is_api_key(text: str) -> bool:
    """Whether the text is written as a key is, and its checksum is right; nobody needs to be asked for that."""
    for prefix in _PREFIXES.values():
        if text.startswith(prefix):
            try:
                content = base64.b32decode(text.removeprefix(prefix).upper())
            except ValueError:
                return False
            return text.islower() and content[_SECRET_BYTES:] == _checksum(prefix, content[:_SECRET_BYTES])
    return False


def hash_api_key(text: str) -> bytes:
    """What is kept of a key: of 32 random bytes nobody can guess any, so that the hash may be a quick one."""
    return hashlib.sha256(text.encode()).digest()


def _checksum(prefix: str, secret: bytes) -> bytes:
    return hashlib.sha256(prefix.encode() + secret).digest()[:_CHECKSUM_BYTES]
