"""Where a page of rows begins whose ids are in the order of time, the newest first."""

from typing import Final
from uuid import UUID

from app.core.cursors import CursorRefused, decode_cursor
from app.services.errors import InvalidCursor

_AFTER_ALL: Final = UUID(int=2**128 - 1)


def id_before(kind: str, cursor: str | None) -> UUID:
    """The id before which the page begins: that of the cursor of this kind, or one after all; raises InvalidCursor."""
    if cursor is None:
        return _AFTER_ALL
    try:
        (last,) = decode_cursor(kind, cursor)
        return UUID(str(last))
    except (CursorRefused, ValueError) as error:
        raise InvalidCursor from error
