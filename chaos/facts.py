"""What PostgreSQL holds at the end, read as plainly as can be: the other side of the ledger."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import asyncpg

from chaos.blocking import blocking
from chaos.model import Step

_POSTINGS: Final = "SELECT id, tracking_code, status, status_at, step_count, metadata ->> 'wish' AS wish FROM postings"
_UPDATES: Final = """
SELECT id::text, posting_id, state, refusal, status, occurred_at, accepted_at, city, uf, description,
       decided_at, extract(epoch FROM decided_at - accepted_at)::float AS seconds
  FROM status_updates
 ORDER BY posting_id, seq
"""
_STEPS: Final = """
SELECT posting_id, seq, update_id::text, status, occurred_at, city, uf, description
  FROM status_history
 ORDER BY posting_id, seq
"""


@dataclass(frozen=True, slots=True)
class Update:
    """A status update as it is stored. `timed`: its caller gave the time; `seconds` from acceptance to decision."""

    id: str
    state: str
    refusal: str | None
    wished: Step
    timed: bool
    accepted_at: datetime
    decided_at: datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step as it is stored, and the update that it comes from."""

    seq: int
    update_id: str | None
    step: Step


@dataclass(slots=True)
class Posting:
    """A posting with its updates in the order of acceptance, and its steps in the order of recording."""

    tracking_code: str
    status: str
    status_at: datetime
    step_count: int
    wish: str | None
    updates: list[Update] = field(default_factory=list)
    steps: list[Recorded] = field(default_factory=list)

    def updates_as_decided(self) -> list[Update]:
        """The updates in the order of their decision; what waits comes last.

        The posting's lock keeps two transactions apart, so their times tell their order, and one transaction decides in the order of
        acceptance. Where PostgreSQL's clock was moved, the numbers of the steps still tell the order of what was applied.
        """
        decided = [update for update in self.updates if update.decided_at]
        waiting = [update for update in self.updates if not update.decided_at]
        seq = {recorded.update_id: recorded.seq for recorded in self.steps}
        by_time = sorted(decided, key=lambda update: update.decided_at or datetime.max.replace(tzinfo=UTC))
        applied = iter(sorted((update for update in decided if update.id in seq), key=lambda update: seq[update.id]))
        return [next(applied) if update.id in seq else update for update in by_time] + waiting


async def _read(url: str) -> list[Posting]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            postings = {row["id"]: Posting(*tuple(row)[1:]) for row in await connection.fetch(_POSTINGS)}
            for row in await connection.fetch(_UPDATES):
                at = row["occurred_at"] or row["accepted_at"]
                postings[row["posting_id"]].updates.append(
                    Update(
                        row["id"],
                        row["state"],
                        row["refusal"],
                        Step(row["status"], at, row["city"], row["uf"], row["description"]),
                        timed=row["occurred_at"] is not None,
                        accepted_at=row["accepted_at"],
                        decided_at=row["decided_at"],
                        seconds=row["seconds"],
                    )
                )
            for row in await connection.fetch(_STEPS):
                step = Step(row["status"], row["occurred_at"], row["city"], row["uf"], row["description"])
                postings[row["posting_id"]].steps.append(Recorded(row["seq"], row["update_id"], step))
    finally:
        await connection.close()
    return list(postings.values())


def read_facts(url: str) -> list[Posting]:
    """Every posting in the database."""
    return blocking(_read(url))


async def _count(url: str, what: str, *values: object) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {what}", *values))  # noqa: S608 - all of it stands below
    finally:
        await connection.close()


def count_queued(url: str) -> int:
    """How many updates are not decided yet."""
    return blocking(_count(url, "status_updates WHERE state = 'queued'"))


def count_undelivered(url: str) -> int:
    """How many webhooks are still owed."""
    return blocking(_count(url, "webhook_deliveries WHERE due_at IS NOT NULL"))


def count_failed_attempts(url: str, failure: str) -> int:
    """How many attempts to deliver a webhook have failed for this reason."""
    return blocking(_count(url, "webhook_attempts WHERE failure = $1", failure))


def updates_by_wish(postings: list[Posting]) -> dict[str, list[Update]]:
    """The stored updates by what their client called them: its wish stands in the description."""
    found: dict[str, list[Update]] = defaultdict(list)
    for posting in postings:
        for update in posting.updates:
            if update.wished.description:
                found[update.wished.description].append(update)
    return found
