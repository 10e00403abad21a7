"""Negative controls: the product with one safeguard taken out. A check that stays green on these proves nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from app.db.database import Database
from app.db.queries import postings, status_updates
from app.services import acceptance
from app.services.ports import Hints
from app.workers.posting_status_worker import PostingStatusWorker

VARIABLE: Final = "CHAOS_CONTROL"
_BEFORE_COMMIT_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Control:
    """How a safeguard is taken out: of a process, before it starts, and of the database (SQL)."""

    take_out: Callable[[], None]
    schema: str = ""


def _turn_sweep_off() -> None:
    """Only hints bring updates to the workers."""

    def never(_worker: object) -> Callable[[], Awaitable[float]]:
        async def sweep() -> float:
            return 3600

        return sweep

    PostingStatusWorker._sweeper = never  # type: ignore[method-assign, assignment]  # noqa: SLF001


def _turn_row_lock_off() -> None:
    """Nobody holds a posting while deciding it, and an update is closed whether or not it was still queued."""
    postings.LOCK_POSTINGS, _, _ = postings.LOCK_POSTINGS.partition("FOR NO KEY UPDATE")  # type: ignore[misc]
    status_updates.UPDATE_DECIDED = status_updates.UPDATE_DECIDED.replace(" AND state = (SELECT 'queued')", "")  # type: ignore[misc]


# With the row lock alone turned off these still keep two workers from recording the same step: the second transaction fails, and is
# tried again. They are the second safeguard, and have to go too before the ledger can see what the first one is for.
_WITHOUT_CONSTRAINTS: Final = """
ALTER TABLE status_history
    DROP CONSTRAINT status_history_no_holes,
    DROP CONSTRAINT status_history_update_id_key,
    DROP CONSTRAINT status_history_pkey;
CREATE INDEX ON status_history (posting_id);
"""


def _acknowledge_before_commit() -> None:
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


CONTROLS: Final[dict[str, Control]] = {
    "sweep-off": Control(_turn_sweep_off),
    "row-lock-off": Control(_turn_row_lock_off, _WITHOUT_CONSTRAINTS),
    "acknowledge-before-commit": Control(_acknowledge_before_commit),
}
"""What can be taken out of the product, by name."""
