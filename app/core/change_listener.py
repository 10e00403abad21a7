"""Listens to what the workers announce, one subscription for the whole process, and comes back to it after every failure."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final, Protocol

from app.core.background import running
from app.core.redis import ChangeChannel, RedisFailure

_PAUSE_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who wants to know."""

    def changed(self, posting_ids: Sequence[int]) -> None:
        """These postings have a new step."""

    def hearing(self, *, is_heard: bool) -> None:
        """From now on announcements are heard, or are not."""


async def _listen(channel: ChangeChannel, listener: Listener) -> None:
    failing = False
    while True:
        try:
            async with aclosing(channel.listen()) as announcements:
                async for posting_ids in announcements:
                    if posting_ids:
                        listener.changed(posting_ids)
                    else:
                        listener.hearing(is_heard=True)
                        if failing:
                            _log.info("announcements are heard again")
                        failing = False
        except RedisFailure as error:
            listener.hearing(is_heard=False)
            if not failing:
                _log.warning("announcements are not heard, open streams look by themselves: %s", error)
            failing = True
        await asyncio.sleep(_PAUSE_SECONDS)


def listening(channel: ChangeChannel, listener: Listener) -> AbstractAsyncContextManager[None]:
    """Tell the listener of all that is announced meanwhile."""
    return running(_listen(channel, listener), "listener to announcements")
