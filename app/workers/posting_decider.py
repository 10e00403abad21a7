"""Decides postings batch by batch, and finds the one update that cannot be decided."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.db.database import Database, DatabaseBusy, DatabaseUnavailable, TransactionExpired
from app.services import decision_service
from app.services.decision_service import Decided

_SKIPPED_ATTEMPTS: Final = 4
_SKIPPED_PAUSE_SECONDS: Final = 0.01
# What the caller waits out and tries again; anything else is about the data.
_PASSING: Final = (DatabaseUnavailable, DatabaseBusy)

_log = logging.getLogger(__name__)


class PostingDecider:
    """One transaction for a batch; the same batch in halves while it fails on data. Counts the updates it has decided."""

    def __init__(self, database: Database, *, max_attempts: int) -> None:
        self._database = database
        self._max_attempts = max_attempts
        self.applied = 0
        self.refused = 0
        self._changed: list[int] = []

    def take_changed(self) -> list[int]:
        """The postings with a new step since this was last asked."""
        taken, self._changed = self._changed, []
        return taken

    async def decide(self, posting_ids: Sequence[int]) -> None:
        """Decide all that is queued for these postings, each named once. One in other hands is tried a few times more, and then left to
        the sweep.

        Raises DatabaseUnavailable and DatabaseBusy, with nothing lost: what was not decided is still queued.
        """
        skipped = await self._decide_batch(posting_ids)
        for attempt in range(_SKIPPED_ATTEMPTS):
            if not skipped:
                return
            await asyncio.sleep(_SKIPPED_PAUSE_SECONDS * 2**attempt)
            skipped = await self._decide_batch(skipped)

    async def _decide_batch(self, posting_ids: Sequence[int]) -> list[int]:
        """Decide all of it, in as many transactions as it takes: who has had a turn waits for those who have had none."""
        skipped: list[int] = []
        turns = deque([posting_ids])
        while turns:
            if chosen := turns.popleft():
                decided = await self._decide_some(chosen)
                skipped += decided.skipped
                turns += (decided.put_off, decided.unfinished)
        return skipped

    async def _decide_some(self, posting_ids: Sequence[int]) -> Decided:
        try:
            return await self._decide_once(posting_ids)
        except TransactionExpired:
            # This process was frozen, or the batch is more than the rule can get through in the time that PostgreSQL gives.
            if len(posting_ids) == 1:
                raise
        except _PASSING:
            raise
        except Exception:  # noqa: BLE001 - whatever an update provokes, the others go on
            if len(posting_ids) == 1:
                return Decided(skipped=await self._decide_one_by_one(posting_ids[0]))
        return Decided(skipped=await self._decide_halves(posting_ids))

    async def _decide_halves(self, posting_ids: Sequence[int]) -> list[int]:
        middle = len(posting_ids) // 2
        try:
            skipped = await self._decide_batch(posting_ids[:middle])
        except TransactionExpired:
            await self._decide_batch(posting_ids[middle:])
            raise
        return skipped + await self._decide_batch(posting_ids[middle:])

    async def _decide_once(self, posting_ids: Sequence[int], **bounds: int) -> Decided:
        async with self._database.transaction() as transaction:
            decided = await decision_service.decide_queued_updates(transaction, posting_ids, **bounds)
        self.applied += decided.applied
        self.refused += decided.refused
        self._changed += decided.changed
        return decided

    async def _decide_one_by_one(self, posting_id: int) -> list[int]:
        """Decide the updates of one posting each on its own, up to the first that fails: that costs it an attempt.

        What fails, and what waits behind it (the order is promised), is tried again by the sweep.
        """
        while update_id := await decision_service.first_queued(self._database.reader, posting_id):
            try:
                decided = await self._decide_once([posting_id], most=1)
            except _PASSING:
                raise
            except Exception as error:  # noqa: BLE001 - counted, and told
                if not await self._count_failed_attempt(posting_id, update_id, error):
                    return []
            else:
                if not decided.applied + decided.refused:
                    return decided.skipped
        return []

    async def _count_failed_attempt(self, posting_id: int, update_id: UUID, error: Exception) -> bool:
        """True when the update has ended as a dead letter, so that those behind it can go on."""
        async with self._database.transaction() as transaction:
            dead = await decision_service.count_failed_attempt(transaction, update_id, max_attempts=self._max_attempts)
        end = "it is a dead letter now" if dead else "it will be tried again"
        _log.error("an update of posting %d could not be decided; %s", posting_id, end, exc_info=error)
        return dead
