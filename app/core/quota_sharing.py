"""Lets API processes know what each has let its callers use, behind the back of whoever uses it: nobody waits for Redis.

Each process counts by itself and at once. A few times a second it tells what was used since, and hears what all have used together: all
of it in one round trip. Without Redis each process goes on with what it knows.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from app.core.background import running
from app.core.known_places import KnownPlaces
from app.core.quotas import Quota
from app.core.redis import RedisFailure, UsedQuotas

# Between two rounds each process may let through what another would not: this is how long that can be.
_ROUND_SECONDS: Final = 0.2
_PAUSE_SECONDS: Final = 1.0
_TIDY_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


class QuotaSharing:
    """Shares what is used of some quotas, and from where accounts were signed in at."""

    def __init__(self, quotas: Sequence[Quota], used: UsedQuotas, places: KnownPlaces) -> None:
        self._quotas = quotas
        self._used = used
        self._places = places
        self._failing = False

    async def run(self) -> None:
        """Round after round, until cancelled."""
        tidied = time.monotonic()
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            try:
                await self._share()
            except RedisFailure as error:
                self._tell_failure(error)
                await asyncio.sleep(_PAUSE_SECONDS)
            if time.monotonic() > tidied + _TIDY_SECONDS:
                tidied = time.monotonic()
                for quota in self._quotas:
                    quota.forget_whole(tidied)

    async def _share(self) -> None:
        """One round. What a failed one told may have been heard or not: it is not told again, lest it be counted twice."""
        untold = [(quota, key, seconds) for quota in self._quotas for key, seconds in quota.untold()]
        if untold:
            used = await self._used.add([(f"{quota.policy.name}:{key}", seconds) for quota, key, seconds in untold])
            now = time.monotonic()
            for (quota, key, _), seconds in zip(untold, used, strict=True):
                quota.learn(key, seconds, now)
            self._tell_recovery()
        await self._places.share()

    def _tell_failure(self, error: Exception) -> None:
        if not self._failing:
            _log.warning("each process keeps to the quotas by itself, until Redis answers again: %s", error)
        self._failing = True

    def _tell_recovery(self) -> None:
        if self._failing:
            self._failing = False
            _log.info("quotas are shared with the other processes again")


@asynccontextmanager
async def sharing_quotas(quotas: Sequence[Quota], used: UsedQuotas, places: KnownPlaces) -> AsyncIterator[None]:
    """Share them meanwhile."""
    async with running(QuotaSharing(quotas, used, places).run(), "sharing of quotas"):
        yield
