"""Lets requests that wait share the next commit: a durable accept costs one commit for all who came meanwhile, not one each."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from app.db.database import Database, DatabaseBusy, DatabaseUnavailable
from app.services.acceptance import Wish, accept_wishes
from app.services.ports import Hints

_MOST_AT_ONCE: Final = 1_000

_Batch = tuple[Sequence[Wish], "asyncio.Future[None]"]


class AcceptanceDesk:
    """One round at a time; whoever arrives during a round is part of the next, in the order of arrival."""

    def __init__(self, database: Database, hints: Hints) -> None:
        self._database = database
        self._hints = hints
        self._waiting: deque[_Batch] = deque()
        self._round: asyncio.Task[None] | None = None

    async def accept(self, wishes: Sequence[Wish]) -> None:
        """Give each wish its outcome; raises what accept_wishes raises."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((wishes, done))
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._run(), name="acceptance")
        await done

    async def _run(self) -> None:
        while self._waiting:
            together = [self._waiting.popleft()]
            size = len(together[0][0])
            while self._waiting and size + len(self._waiting[0][0]) <= _MOST_AT_ONCE:
                together.append(self._waiting.popleft())
                size += len(together[-1][0])
            await self._accept_together(together)

    async def _accept_together(self, together: Sequence[_Batch]) -> None:
        try:
            await accept_wishes(self._database, self._hints, [wish for wishes, _ in together for wish in wishes])
        except (DatabaseUnavailable, DatabaseBusy) as error:
            for _, done in together:
                _tell(done, error)
        except Exception as error:  # noqa: BLE001 - told to whoever caused it, and to nobody else
            if len(together) == 1:
                _tell(together[0][1], error)
            else:
                for wishes, done in together:
                    for wish in wishes:
                        wish.repeatable = True  # whatever was committed after all is found again
                    await self._accept_together([(wishes, done)])
        else:
            for _, done in together:
                _tell(done, None)

    async def close(self) -> None:
        """End the round under way; requests are answered before this is called."""
        if self._round is not None:
            self._round.cancel()
            with suppress(asyncio.CancelledError):
                await self._round


def _tell(done: "asyncio.Future[None]", error: Exception | None) -> None:
    if done.done():  # the caller has gone away
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
