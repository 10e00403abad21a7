"""Negative controls: the product with one safeguard taken out. A check that stays green on these proves nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from app.db.database import Database
from app.db.queries import postings
from app.services import acceptance
from app.services.ports import Hints
from app.workers import posting_status_worker

VARIABLE: Final = "CHAOS_CONTROL"
_BEFORE_COMMIT_SECONDS: Final = 0.3


def turn_sweep_off() -> None:
    """Only hints bring updates to the workers."""

    def never(_worker: object) -> Callable[[], Awaitable[float]]:
        async def sweep() -> float:
            return 3600

        return sweep

    posting_status_worker.PostingStatusWorker._sweeper = never  # type: ignore[method-assign, assignment]  # noqa: SLF001


def turn_row_lock_off() -> None:
    """Nobody holds a posting while deciding, and nothing else that keeps two workers apart is looked at."""
    lock, _, _ = postings.LOCK_POSTINGS.partition("FOR NO KEY UPDATE")
    postings.LOCK_POSTINGS = lock  # type: ignore[misc]


def acknowledge_before_commit() -> None:
    """The 202 is given first, and the update is committed a moment later."""
    insert = acceptance._insert  # noqa: SLF001
    late: set[asyncio.Task[None]] = set()

    async def commit(database: Database, hints: Hints, wishes: Sequence[acceptance.Wish]) -> None:
        await asyncio.sleep(_BEFORE_COMMIT_SECONDS)
        await insert(database, hints, wishes)

    async def promise(database: Database, hints: Hints, wishes: Sequence[acceptance.Wish]) -> None:
        task = asyncio.create_task(commit(database, hints, wishes))
        late.add(task)
        task.add_done_callback(late.discard)
        for wish in wishes:
            wish.outcome = acceptance._queued(wish, datetime.now(UTC))  # noqa: SLF001

    acceptance._insert = promise  # noqa: SLF001


CONTROLS: Final[dict[str, Callable[[], None]]] = {
    "sweep-off": turn_sweep_off,
    "row-lock-off": turn_row_lock_off,
    "acknowledge-before-commit": acknowledge_before_commit,
}
"""What can be taken out of the product, by name."""
