"""Postings with updates that wait, written as their acceptance writes them but at times of the test's choice."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.core.ids import new_id
from app.db.database import Database
from app.models.status_updates import Event
from app.services.decision_service import Decided, decide_queued_updates
from app.services.posting_lifecycle import in_order
from tests.db.rows import FIRST_STEP, Connection, insert
from tests.services.lives import POSTED, Update

_CODES: Final = (
    "SELECT 'ZP' || lpad(n::text, 8, '0') || s10_check_digit(n) || 'BR' FROM generate_series(0, $1 - 1) AS n"
)


class Postings:
    """Some postings of one client, numbered from 0, and what waits for them."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.database = database
        self._connection = connection

    async def create(self, count: int) -> None:
        """So many postings, pending since POSTED."""
        await insert(self._connection, "clients", {})
        for number, row in enumerate(await self._connection.fetch(_CODES, count)):
            times = {"posted_at": POSTED, "status_at": POSTED}
            await insert(self._connection, "postings", {"id": number, "tracking_code": row[0], **times})
            first = {**FIRST_STEP, "occurred_at": POSTED}
            await insert(self._connection, "status_history", {**first, "posting_id": number})

    async def ask(self, *updates: Update, posting: int = 0) -> list[UUID]:
        """Queue the updates, in this order; an event's time is that of the acceptance where none was given."""
        ids = [new_id() for _ in updates]
        for update_id, update in zip(ids, updates, strict=True):
            event = update.event
            row = {
                "id": update_id,
                "posting_id": posting,
                "accepted_at": event.occurred_at,
                "occurred_at": event.occurred_at if update.timed else None,
                "status": event.status,
                "city": event.city,
                "uf": event.uf,
                "description": event.description,
            }
            await insert(self._connection, "status_updates", row)
        return ids

    async def decide(self, *numbers: int, **bounds: int) -> Decided:
        """Decide what waits for these postings, in a transaction of its own."""
        async with self.database.transaction() as transaction:
            return await decide_queued_updates(transaction, numbers or (0,), **bounds)

    async def outcomes(self, posting: int = 0) -> list[str]:
        """What became of the posting's updates, in the order of acceptance."""
        rows = await self._connection.fetch(
            "SELECT coalesce(refusal, state) AS outcome FROM status_updates WHERE posting_id = $1 ORDER BY seq", posting
        )
        return [row["outcome"] for row in rows]

    async def history(self, posting: int = 0) -> list[Event]:
        """The posting's steps in the order in which they happened."""
        return in_order(await self.recorded(posting))

    async def recorded(self, posting: int = 0) -> Sequence[Event]:
        """The posting's steps in the order in which they were recorded; their numbers have no hole."""
        rows = await self._connection.fetch(
            """
            SELECT seq, status, occurred_at, city, uf, description FROM status_history WHERE posting_id = $1 ORDER BY seq
            """,
            posting,
        )
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        return [Event(*tuple(row)[1:]) for row in rows]

    async def stored(self, posting: int = 0) -> dict[str, object]:
        """The posting's own row."""
        row = await self._connection.fetchrow(
            "SELECT status, status_at, shipped_at, delivered_at, step_count FROM postings WHERE id = $1", posting
        )
        assert row is not None
        return dict(row)

    async def applied_updates(self) -> list[UUID]:
        """The updates that have a step, once for each step."""
        rows = await self._connection.fetch("SELECT update_id FROM status_history WHERE update_id IS NOT NULL")
        return [row["update_id"] for row in rows]
