"""The worker of webhooks: takes what is due, sends it, and writes down what came of it.

No request is made inside a transaction. What is killed between sending and writing is sent again, under the same id, when its lease ends.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID  # noqa: TC003 - read by nobody else

from app.core.logging import RareWarning
from app.core.secret_box import SealBroken, SecretBox, UnknownSecretKey
from app.core.webhook_client import Answer
from app.core.webhook_signing import sign
from app.db.database import Database, DatabaseBusy, DatabaseUnavailable, Row
from app.models.webhooks import message_id
from app.services import delivery_service, webhook_schedule, webhook_service
from app.services.delivery_service import Claimed, Claims, Room, Sent
from app.services.webhook_events import event_body
from app.workers.running import keep_calling

# How soon what is owed is looked for; and how long claims wait for each other to be worth a statement.
_LOOK_SECONDS: Final = 0.1
_GATHER_SECONDS: Final = 0.01
_CLOCK_SECONDS: Final = 1.0
_UPKEEP_SECONDS: Final = 600.0

_PASSING: Final = (DatabaseUnavailable, DatabaseBusy)

_log = logging.getLogger(__name__)


class Sender(Protocol):
    """Posts to the outside."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What came back; never raises for anything that a receiver does."""
        ...


class WebhookWorker:
    """One process' loops; any number of processes may run at once. Counts what it has sent."""

    def __init__(
        self,
        database: Database,
        sender: Sender,
        secret_box: SecretBox,
        *,
        room: Room,
        lease: timedelta,
        schedule: Sequence[float],
        disable_after: timedelta,
        keep_log: timedelta,
    ) -> None:
        """`lease` is longer than a request may take; `schedule` has the seconds to wait after each failed attempt."""
        self._database = database
        self._sender = sender
        self._secret_box = secret_box
        self._claims = Claims(room, lease)
        self._schedule = schedule
        self._disable_after = disable_after
        self._keep_log = keep_log
        self._under_way: dict[tuple[UUID, int], Claimed] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._sent: list[Sent] = []
        self._suspects = 0
        self._warn_of_previous = RareWarning(_log, "a previous secret does not sign, since it cannot be read")
        self._wake_recorder = asyncio.Event()
        self._wake_claimer = asyncio.Event()
        self._stopping = asyncio.Event()
        self._all_sent = False
        self._all_written = asyncio.Event()
        self.delivered = 0
        self.failed = 0

    def stop(self) -> None:
        """Ask the loops to end once what is under way has its answer, and that is written."""
        self._stopping.set()
        self._wake_claimer.set()

    async def run(self) -> None:
        """Run until stop() is called."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._keep(self._record, self._all_written), name="record")
            loops.create_task(self._keep(self._mind_the_clock, self._stopping), name="clock")
            loops.create_task(self._keep(self._look_after, self._stopping), name="upkeep")
            await self._keep(self._claim, self._stopping)
            if self._sending:
                await asyncio.wait(self._sending)
            self._all_sent = True
            self._wake_recorder.set()

    def _keep(self, work: Callable[[], Awaitable[float]], until: asyncio.Event) -> Coroutine[Any, Any, None]:
        return keep_calling(work, until, passing=_PASSING)

    async def _claim(self) -> float:
        async with self._database.transaction() as transaction:
            claimed = await self._claims.claim(transaction, self._under_way.values())
        # Committed: from here on these are ours.
        for delivery in claimed:
            self._under_way[delivery.id, delivery.attempt] = delivery
            task = asyncio.create_task(self._send(delivery), name="send")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if not claimed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake_claimer.wait(), _LOOK_SECONDS)
        self._wake_claimer.clear()
        return _GATHER_SECONDS

    async def _send(self, delivery: Claimed) -> None:
        started_at = datetime.now(UTC)
        answer = await self._attempt(delivery, started_at)
        outcome = webhook_schedule.outcome(
            answer.status,
            failures=delivery.row["failures"],
            schedule=self._schedule,
            chance=random.random(),  # noqa: S311
            retry_after=answer.retry_after,
        )
        sent = Sent(delivery, started_at, answer, outcome)
        self._claims.learn(sent)
        self._sent.append(sent)
        self._wake_recorder.set()
        # Its place is free: the next one need not wait until this is written.
        del self._under_way[delivery.id, delivery.attempt]
        self._wake_claimer.set()

    async def _attempt(self, delivery: Claimed, now: datetime) -> Answer:
        endpoint = delivery.endpoint
        try:
            body = event_body(delivery.row)
            headers = sign(self._secrets(endpoint), message_id(delivery.id), now, body)
            return await self._sender.post(endpoint["url"], headers, body)
        except (UnknownSecretKey, SealBroken) as error:
            _log.error("the secret of endpoint %s cannot be read: %s", endpoint["id"], error)
            return Answer(None, 0.0, failure="the secret of this endpoint could not be read: rotate it")
        except Exception:  # noqa: BLE001 - whatever one event provokes, the others go on
            _log.exception("delivery %s could not be sent", delivery.id)
            return Answer(None, 0.0, failure="an error of ours")

    def _secrets(self, endpoint: Row) -> list[str]:
        """What signs: the endpoint's secret, and the one before while it is valid and can be read.

        Whose key is lost is rotated: what cannot be read any more must not stand in the way of what replaces it.
        """
        context, previous = endpoint["id"].bytes, endpoint["previous_secret"]
        secrets = [self._secret_box.open(endpoint["secret"], context=context)]
        if previous is not None:
            try:
                secrets.append(self._secret_box.open(previous, context=context))
            except (UnknownSecretKey, SealBroken) as error:
                self._warn_of_previous(f"of endpoint {endpoint['id']}: {error}")
        return secrets

    async def _record(self) -> float:
        """Write down all that is there. What one outcome provokes is not everybody's: it is found among the others, and left out."""
        await self._wake_recorder.wait()
        while self._sent:
            count = 1 if self._suspects else len(self._sent)
            try:
                await self._write(self._sent[:count])
            except _PASSING:
                raise
            except Exception as error:  # noqa: BLE001 - one that cannot be written must not end what all others wait for
                if count > 1:
                    self._suspects = count
                    continue
                # When its lease ends it is sent again.
                self._tell_unwritten(self._sent[0], error)
            del self._sent[:count]
            self._suspects = max(0, self._suspects - 1)
            self._wake_claimer.set()
        self._wake_recorder.clear()
        if self._all_sent:
            self._all_written.set()
        return 0

    @staticmethod
    def _tell_unwritten(sent: Sent, error: Exception) -> None:
        """Without what PostgreSQL quotes of the row: there stands what the receiver said."""
        reason = str(error).partition("\n")[0]
        _log.error(
            "attempt %d of delivery %s could not be written: %s: %s",
            *(sent.claimed.attempt, sent.claimed.id, type(error).__name__, reason),
        )

    async def _write(self, sent: Sequence[Sent]) -> None:
        async with self._database.transaction() as transaction:
            disabled = await delivery_service.record_attempts(transaction, sent, disable_after=self._disable_after)
        delivered = sum(each.outcome.state == "delivered" for each in sent)
        self.delivered += delivered
        self.failed += len(sent) - delivered
        for endpoint in disabled:
            _log.warning("endpoint %s is disabled: %s", endpoint["id"], endpoint["disabled_reason"])

    async def _mind_the_clock(self) -> float:
        async with self._database.transaction() as transaction:
            count = await delivery_service.restart_waits(transaction)
        if count:
            _log.warning("PostgreSQL's clock was put back: the waits of %d deliveries begin anew", count)
        return 0 if count else _CLOCK_SECONDS

    async def _look_after(self) -> float:
        """Keep the log as long as it is wanted, and the secrets sealed with the first key."""
        async with self._database.transaction() as transaction:
            more = await delivery_service.delete_old_deliveries(transaction, before=datetime.now(UTC) - self._keep_log)
        if more:
            return _LOOK_SECONDS
        async with self._database.transaction() as transaction:
            resealed = await webhook_service.reseal_secrets(transaction, self._secret_box)
        if resealed.count:
            _log.info("%d secrets are encrypted with the first of WEBHOOK_SECRET_KEYS now", resealed.count)
        if resealed.unreadable:
            _log.error(
                "%d secrets could not be encrypted anew, since no key of WEBHOOK_SECRET_KEYS opens them; the first endpoint is %s",
                *(len(resealed.unreadable), resealed.unreadable[0]),
            )
        return _UPKEEP_SECONDS
