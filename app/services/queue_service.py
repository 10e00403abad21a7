"""Looking after the queue: how much waits, and the dead letters."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.db.database import Database, Executor, Transaction
from app.db.queries import status_updates
from app.models.audit import Source
from app.models.status_updates import Queue, Redrive
from app.services.audit_service import record_event
from app.services.ports import Hints


async def get_queue(executor: Executor) -> Queue:
    """The queue as it stands."""
    (row,) = await executor.fetch(status_updates.SELECT_QUEUE)
    return Queue.model_construct(**row)


async def sweep_queued_updates(executor: Executor, *, older_than: timedelta, after: int, limit: int) -> list[int]:
    """Postings, from the id after `after` on, with an update that has waited for longer than `older_than`."""
    rows = await executor.fetch(status_updates.SWEEP_QUEUED_UPDATES, older_than, after, limit)
    return [row["posting_id"] for row in rows]


async def delete_old_updates(
    transaction: Transaction, *, retention: timedelta, first_page: int, pages: int
) -> tuple[int, int]:
    """Delete what was decided longer than `retention` ago from so many pages of the table; how many there were, and how many pages it has.

    The history keeps what was applied. Refused ones that a webhook tells of, and dead letters, stay.
    """
    (row,) = await transaction.fetch(
        status_updates.DELETE_OLD_STATUS_UPDATES, (first_page, 0), (first_page + pages, 0), retention
    )
    return row["deleted"], row["pages"]


async def redrive_dead_letters(
    database: Database, hints: Hints, source: Source, update_ids: Sequence[UUID] | None = None
) -> Redrive:
    """Queue dead letters again: these, or all."""
    async with database.transaction() as transaction:
        rows = await transaction.fetch(
            status_updates.REDRIVE_DEAD_LETTERS, None if update_ids is None else list(update_ids)
        )
        await record_event(transaction, source, "dead_letters.redriven", details={"redriven": len(rows)})
    hints.hint([row["posting_id"] for row in rows])
    return Redrive(redriven=len(rows))
