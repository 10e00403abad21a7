"""Cursors of keyset pagination: where a page ended, opaque to the caller."""

import base64
import binascii
import json


class CursorRefused(Exception):
    """The text is not a cursor of this kind."""


def encode_cursor(kind: str, *values: int | str) -> str:
    """A cursor for the kind of page (its sort) and the values of its last row."""
    return base64.urlsafe_b64encode(json.dumps([kind, *values]).encode()).rstrip(b"=").decode()


def decode_cursor(kind: str, cursor: str) -> list[int | str]:
    """The values that encode_cursor was given; raises CursorRefused for anything else."""
    try:
        values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise CursorRefused from error
    if not isinstance(values, list) or not values or values[0] != kind:
        raise CursorRefused
    return [value for value in values[1:] if isinstance(value, int | str)]
