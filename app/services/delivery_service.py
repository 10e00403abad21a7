"""Delivering webhooks: what a sender may take, and what is written once it has been sent."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.core.ids import smallest_id_of
from app.core.webhook_client import Answer
from app.db.columns import columns_of
from app.db.database import Row, Transaction
from app.db.queries import webhook_deliveries, webhook_endpoints
from app.services.webhook_schedule import ATTEMPTS_IN_ORDER, Outcome, is_gone

_MOST_ENDPOINTS: Final = 500
_MOST_DELETED: Final = 1_000
_MOST_RESTARTED: Final = 1_000
_BODY_START: Final = 1_000
_LONGEST_FAILURE: Final = 500
_QUICK_SECONDS: Final = 1.0
_BEFORE_ALL: Final = UUID(int=0)
# RFC 9110, section 10.2.3: who answers these may say when to come again.
_ASKS_FOR_PAUSE: Final = (429, 503)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process is to send now, with the endpoint as it is."""

    row: Row
    endpoint: Row

    @property
    def id(self) -> UUID:
        """Its id, the same at every attempt."""
        found: UUID = self.row["id"]
        return found

    @property
    def attempt(self) -> int:
        """Which attempt this is."""
        number: int = self.row["attempts"]
        return number


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt that ended: when it began, what came back, and what follows from that."""

    claimed: Claimed
    started_at: datetime
    answer: Answer
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Room:
    """How many deliveries may be under way at once in this process: in all, and to one endpoint.

    All of `to_one` is for an endpoint that has just answered quickly, or an equal part where many of them wait: a few connections that are
    used again do more than many that are not. Others have a quarter, and those that fail one at a time. Together they have half of what
    there is, so that slow and dead ones, however many, never take the place of those that answer.
    """

    in_all: int
    to_one: int

    def share_out(
        self, endpoints: Sequence[Row], under_way: Mapping[UUID, int], quick: AbstractSet[UUID]
    ) -> dict[UUID, int]:
        """How many may be taken now for each of these endpoints, in their order while there is room."""
        left = self.in_all - sum(under_way.values())
        left_to_slow = max(1, self.in_all // 2) - sum(
            count for endpoint_id, count in under_way.items() if endpoint_id not in quick
        )
        quick_ones = sum(endpoint["id"] in quick for endpoint in endpoints)
        most_of_quick = min(self.to_one, math.ceil(self.in_all / max(1, quick_ones)))
        rooms: dict[UUID, int] = {}
        for endpoint in endpoints:
            endpoint_id = endpoint["id"]
            is_quick = endpoint_id in quick
            most = most_of_quick if is_quick else 1 if endpoint["failing"] else max(1, self.to_one // 4)
            room = min(most - under_way.get(endpoint_id, 0), left if is_quick else min(left, left_to_slow))
            if room > 0:
                rooms[endpoint_id] = room
                left -= room
                left_to_slow -= 0 if is_quick else room
        return rooms


@dataclass(slots=True)
class Claims:
    """Takes what is due, going round the endpoints so that none is always first."""

    room: Room
    lease: timedelta
    _after: UUID = _BEFORE_ALL
    _quick: set[UUID] = field(default_factory=set)

    async def claim(self, transaction: Transaction, under_way: Iterable[Claimed]) -> list[Claimed]:
        """Take deliveries beside those `under_way`; once committed they are this process' own for the time of the lease.

        The endpoints are locked first and what is due to them is read in a statement after that, so two processes never take two events
        of one posting for one endpoint.
        """
        counts = Counter(claimed.endpoint["id"] for claimed in under_way)
        full = [endpoint_id for endpoint_id, count in counts.items() if count >= self.room.to_one]
        endpoints = await transaction.fetch(
            webhook_endpoints.LOCK_ENDPOINTS_WITH_DUE, self._after, full, _MOST_ENDPOINTS
        )
        rooms = self.room.share_out(endpoints, counts, self._quick)
        went_round = len(endpoints) < _MOST_ENDPOINTS and list(rooms)[-1:] == [row["id"] for row in endpoints[-1:]]
        self._after = _BEFORE_ALL if went_round or not rooms else list(rooms)[-1]
        if not rooms:
            return []
        rows = await transaction.fetch(
            webhook_deliveries.CLAIM_DELIVERIES, list(rooms), list(rooms.values()), self.lease, ATTEMPTS_IN_ORDER
        )
        by_id = {endpoint["id"]: endpoint for endpoint in endpoints}
        return [Claimed(row, by_id[row["endpoint_id"]]) for row in rows]

    def learn(self, sent: Sent) -> None:
        """Remember how its endpoint answered."""
        quick = sent.outcome.state == "delivered" and sent.answer.duration < _QUICK_SECONDS
        (self._quick.add if quick else self._quick.discard)(sent.claimed.endpoint["id"])


async def record_attempts(transaction: Transaction, sent: Sequence[Sent], *, disable_after: timedelta) -> list[Row]:
    """Write how these attempts ended; returns the endpoints that are disabled from now on.

    One whose attempts all failed for longer than `disable_after`, or that answered 410, is disabled.
    """
    # The last of each endpoint says how it is. In order of the ids, and before the deliveries: everybody locks in this order.
    last = {each.claimed.endpoint["id"]: each for each in sent}
    gone = {each.claimed.endpoint["id"] for each in sent if is_gone(each.answer.status)}
    health = [
        (endpoint_id, each.outcome.state == "delivered", endpoint_id in gone, _pause(each.answer))
        for endpoint_id, each in sorted(last.items())
    ]
    changed = await transaction.fetch(webhook_endpoints.UPDATE_ENDPOINT_HEALTH, *columns_of(health), disable_after)
    attempts = [
        (
            each.claimed.id,
            each.claimed.attempt,
            each.started_at,
            round(each.answer.duration * 1000),
            each.answer.status,
            each.answer.failure and each.answer.failure[:_LONGEST_FAILURE],
            _text(each.answer.body_start),
            each.outcome.state,
            each.outcome.due_in,
        )
        for each in sent
    ]
    await transaction.execute(webhook_deliveries.RECORD_ATTEMPTS, *columns_of(attempts))
    return [row for row in changed if row["disabled_now"]]


def _pause(answer: Answer) -> timedelta | None:
    if answer.status in _ASKS_FOR_PAUSE and answer.retry_after:
        return timedelta(seconds=answer.retry_after)
    return None


def _text(body_start: bytes) -> str:
    """What is kept of an answer, as text: without the NUL that PostgreSQL refuses."""
    return body_start.decode(errors="replace").replace("\x00", "\ufffd")[:_BODY_START]


async def restart_waits(transaction: Transaction) -> int:
    """Begin the waits anew that were set by a clock which was put back since, and return how many they were, at most a thousand.

    A wait of an hour that begins anew is at most an hour too long; as it stood, one of no time at all would last as long as the clock was
    put back.
    """
    return len(await transaction.fetch(webhook_deliveries.RESTART_WAITS, _MOST_RESTARTED))


async def delete_old_deliveries(transaction: Transaction, *, before: datetime) -> bool:
    """Delete what ended, of before then, from the log, and what is owed to deleted endpoints; True when there may be more."""
    rows = await transaction.fetch(webhook_deliveries.DELETE_OLD_DELIVERIES, smallest_id_of(before), _MOST_DELETED)
    return len(rows) >= _MOST_DELETED
