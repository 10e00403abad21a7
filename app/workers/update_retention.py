"""Takes old rows out of the record of updates: a walk through the table, some pages at a time, again and again."""

import logging
from datetime import timedelta
from typing import Final

from app.db.database import Database
from app.services import queue_service

_PAGES_AT_ONCE: Final = 128
_PAUSE_SECONDS: Final = 0.5
_PAUSE_AFTER_ROUND_SECONDS: Final = 3_600.0

_log = logging.getLogger(__name__)


class UpdateRetention:
    """Any number may run at once: what one has in hand, another passes over. The steps of the history stay."""

    def __init__(self, database: Database, *, retention: timedelta) -> None:
        """`retention`: how long after its decision an update can be asked for, and repeated by its Idempotency-Key."""
        self._database = database
        self._retention = retention
        self._next_page = 0
        self._of_round = 0

    async def delete_old(self) -> float:
        """Look at the next pages, and return for how many seconds to pause."""
        async with self._database.transaction() as transaction:
            deleted, pages = await queue_service.delete_old_updates(
                transaction, retention=self._retention, first_page=self._next_page, pages=_PAGES_AT_ONCE
            )
        self._of_round += deleted
        self._next_page += _PAGES_AT_ONCE
        if self._next_page < pages:
            return _PAUSE_SECONDS
        if self._of_round:
            _log.info("%d updates were deleted that were decided long ago", self._of_round)
        self._next_page, self._of_round = 0, 0
        return _PAUSE_AFTER_ROUND_SECONDS
