"""Identifiers: new ones in the order of time, and those that a repeated request makes again."""

import hashlib
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562, section 5.7): later ones sort after earlier ones, which keeps indexes dense."""
    return uuid7()


def smallest_id_of(moment: datetime) -> UUID:
    """What sorts before all that new_id and PostgreSQL's uuidv7() make from this moment on, and after those from before."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def id_from_key(*parts: str) -> UUID:
    """A UUID of version 8 (RFC 9562, section 5.8) made of the SHA-256 of the parts: the same parts, the same id."""
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    bits = int.from_bytes(digest[:16])
    bits = bits & ~(0xF << 76) | 0x8 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=bits)
