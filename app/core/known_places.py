"""From where accounts have been signed in at: what this process saw, and what all of them told Redis."""

import asyncio
from typing import Final

from app.core.redis import RedisFailure, SignInPlaces

_MOST_KEPT: Final = 10_000
# Somebody waits meanwhile who is to be turned away, unless he is known.
_PATIENCE_SECONDS: Final = 0.25


class KnownPlaces:
    """A place is an account and an address, as a digest."""

    def __init__(self, shared: SignInPlaces) -> None:
        self._shared = shared
        self._seen: dict[str, None] = {}
        self._untold: dict[str, None] = {}

    def remember(self, place: str) -> None:
        """Somebody has signed in there."""
        for places in (self._seen, self._untold):
            if len(places) >= _MOST_KEPT:
                del places[next(iter(places))]
            places[place] = None

    async def is_known(self, place: str) -> bool:
        """Whether somebody has, here or in another process; False when Redis does not say so within moments."""
        if place in self._seen:
            return True
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._shared.has(place)
        except RedisFailure:  # TimeoutError is an OSError
            return False

    async def share(self) -> None:
        """Tell Redis of what was seen since; raises one of RedisFailure, and then tells it again the next time."""
        if untold := list(self._untold):
            await self._shared.add(untold)
            for place in untold:
                self._untold.pop(place, None)
