"""Takes personal data out of postings when its time is over: a walk over all of them, a few at a time, again and again."""

import logging
from datetime import timedelta
from typing import Final

from app.db.database import Database
from app.services import personal_data_service

_AT_ONCE: Final = 500
_PAUSE_SECONDS: Final = 0.5
_PAUSE_AFTER_ROUND_SECONDS: Final = 5.0
_BEFORE_ALL: Final = -1

_log = logging.getLogger(__name__)


class PersonalDataEraser:
    """Any number may run at once: what one has in hand, or a decision has, another passes over."""

    def __init__(self, database: Database, *, retention: timedelta) -> None:
        """`retention`: how long after its last step a posting keeps its personal data."""
        self._database = database
        self._retention = retention
        self._after = _BEFORE_ALL
        self._of_round = 0
        self._keys_left = False

    async def erase(self) -> float:
        """Look at the next few postings, after the last of them at the keys, and return for how many seconds to pause."""
        async with self._database.transaction() as transaction:
            last, anonymised = await personal_data_service.anonymise_postings(
                transaction, retention=self._retention, after=self._after, limit=_AT_ONCE
            )
        self._of_round += anonymised
        if last is not None:
            self._after = last
        else:
            if self._of_round:
                _log.info("personal data was taken out of %d postings", self._of_round)
            self._after, self._of_round = _BEFORE_ALL, 0
        if last is None or self._keys_left:
            await self._delete_keys()
        return _PAUSE_SECONDS if last is not None or self._keys_left else _PAUSE_AFTER_ROUND_SECONDS

    async def _delete_keys(self) -> None:
        """Once in a round, and then until there are none; where that fails it keeps no posting from being anonymised."""
        self._keys_left = False
        async with self._database.transaction() as transaction:
            deleted = await personal_data_service.delete_keys_of_deleted_clients(transaction, limit=_AT_ONCE)
        self._keys_left = deleted == _AT_ONCE
