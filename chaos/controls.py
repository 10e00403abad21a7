"""Negative controls: the product with one safeguard taken out. A check that stays green on these proves nothing."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from app.core.webhook_client import Answer
from app.db.database import Database
from app.db.queries import postings, status_updates
from app.services import acceptance
from app.services.decision_service import Decided
from app.services.delivery_service import Claimed
from app.services.ports import Hints
from app.workers.posting_decider import PostingDecider
from app.workers.posting_status_worker import PostingStatusWorker
from app.workers.webhook_worker import WebhookWorker

VARIABLE: Final = "CHAOS_CONTROL"
_A_MOMENT_SECONDS: Final = 0.3


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
ALTER TABLE webhook_deliveries DROP CONSTRAINT webhook_deliveries_step_exists;
DROP INDEX webhook_deliveries_step_once;
ALTER TABLE status_history
    DROP CONSTRAINT status_history_no_holes,
    DROP CONSTRAINT status_history_update_id_key,
    DROP CONSTRAINT status_history_pkey;
CREATE INDEX ON status_history (posting_id);
"""


def _acknowledge_before_commit() -> None:
    """The 202 is given first, and the update is committed a moment later."""
    insert = acceptance._insert  # noqa: SLF001

    async def promise(database: Database, hints: Hints, wishes: Sequence[acceptance.Wish]) -> None:
        _soon(insert(database, hints, wishes))
        for wish in wishes:
            wish.outcome = acceptance._queued(wish, datetime.now(UTC))  # noqa: SLF001

    acceptance._insert = promise  # noqa: SLF001


_OWED_LATER: Final = "CREATE TABLE owed_later (LIKE webhook_deliveries INCLUDING DEFAULTS, owner integer)"
_OWE: Final = """
WITH owed AS (DELETE FROM owed_later WHERE owner = $1 RETURNING *)
INSERT INTO webhook_deliveries (client_id, endpoint_id, type, posting_id, step, posting_status, update_id, refusal)
SELECT client_id, endpoint_id, type, posting_id, step, posting_status, update_id, refusal FROM owed
"""


def _owe_after_commit() -> None:
    """Whoever has decided keeps in mind what webhooks are owed for that, and owes them in a transaction of its own a moment later."""
    status_updates.UPDATE_DECIDED = (  # type: ignore[misc]
        status_updates.UPDATE_DECIDED.replace(
            "INSERT INTO webhook_deliveries (", "INSERT INTO owed_later (owner, "
        ).replace("SELECT closed.client_id, endpoint.id", f"SELECT {os.getpid()}, closed.client_id, endpoint.id")
    )
    decide = PostingDecider._decide_once  # noqa: SLF001

    async def owe(database: Database) -> None:
        async with database.transaction() as transaction:
            await transaction.execute(_OWE, os.getpid())

    async def decide_and_owe(self: PostingDecider, posting_ids: Sequence[int], **bounds: int) -> Decided:
        decided = await decide(self, posting_ids, **bounds)
        _soon(owe(self._database))
        return decided

    PostingDecider._decide_once = decide_and_owe  # type: ignore[method-assign]  # noqa: SLF001


def _mark_before_send() -> None:
    """A webhook is marked as delivered, and sent a moment later."""
    attempt = WebhookWorker._attempt  # noqa: SLF001

    async def mark(self: WebhookWorker, delivery: Claimed, now: datetime) -> Answer:
        _soon(attempt(self, delivery, now))
        return Answer(204, 0.0)

    WebhookWorker._attempt = mark  # type: ignore[method-assign]  # noqa: SLF001


_late: Final[set["asyncio.Task[object]"]] = set()


def _soon(work: Coroutine[Any, Any, object]) -> None:
    """Do it in a moment, if this process is still alive then."""

    async def work_late() -> None:
        await asyncio.sleep(_A_MOMENT_SECONDS)
        await work

    task = asyncio.create_task(work_late())
    _late.add(task)
    task.add_done_callback(_late.discard)


CONTROLS: Final[dict[str, Control]] = {
    "sweep-off": Control(_turn_sweep_off),
    "row-lock-off": Control(_turn_row_lock_off, _WITHOUT_CONSTRAINTS),
    "acknowledge-before-commit": Control(_acknowledge_before_commit),
    "owe-after-commit": Control(_owe_after_commit, _OWED_LATER),
    "mark-before-send": Control(_mark_before_send),
}
"""What can be taken out of the product, by name."""
