"""The log of webhook deliveries: what became of what was owed, and sending it again."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.core.cursors import CursorRefused, decode_cursor, encode_cursor
from app.core.ids import smallest_id_of
from app.core.tracking_code import normalize_tracking_code
from app.db.database import Executor, Transaction
from app.db.queries import webhook_deliveries
from app.models.clients import Caller
from app.models.webhooks import (
    Redelivered,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookDeliveryQuery,
    WebhookDeliveryWithAttempts,
)
from app.services.errors import InvalidCursor, WebhookDeliveryNotFound, WebhookEndpointNotFound
from app.services.webhook_service import get_endpoint

_AFTER_ALL: Final = UUID(int=2**128 - 1)
_MOST_AT_ONCE: Final = 10_000
# Ids are made from the clock of whoever made them: it is not that of created_at to the millisecond.
_CLOCKS_APART: Final = timedelta(minutes=1)


async def list_deliveries(executor: Executor, caller: Caller, query: WebhookDeliveryQuery) -> WebhookDeliveryPage:
    """One page of the deliveries to the caller's endpoints, the newest first; raises InvalidCursor."""
    before = _AFTER_ALL if query.cursor is None else _position(query.cursor)
    arguments = (caller.id, query.endpoint_id, query.type, before, query.limit + 1)
    if query.tracking_code is not None:
        code = normalize_tracking_code(query.tracking_code)
        rows = await executor.fetch(
            webhook_deliveries.SELECT_WEBHOOK_DELIVERIES_OF_POSTING, *arguments, query.state, code
        )
    elif query.state == "failed":
        rows = await executor.fetch(webhook_deliveries.SELECT_FAILED_WEBHOOK_DELIVERIES, *arguments)
    else:
        rows = await executor.fetch(webhook_deliveries.SELECT_WEBHOOK_DELIVERIES, *arguments, query.state)
    page = rows[: query.limit]
    return WebhookDeliveryPage.model_construct(
        deliveries=[WebhookDelivery.model_construct(**row) for row in page],
        next_cursor=encode_cursor("deliveries", page[-1]["id"].hex) if len(rows) > query.limit else None,
    )


def _position(cursor: str) -> UUID:
    try:
        (delivery_id,) = decode_cursor("deliveries", cursor)
        return UUID(hex=str(delivery_id))
    except (CursorRefused, ValueError) as error:
        raise InvalidCursor from error


async def get_delivery(executor: Executor, caller: Caller, delivery_id: UUID) -> WebhookDeliveryWithAttempts:
    """One delivery with its attempts; raises WebhookDeliveryNotFound, for somebody else's too."""
    row = await executor.fetch_one(webhook_deliveries.SELECT_WEBHOOK_DELIVERY, caller.id, delivery_id)
    if row is None:
        raise WebhookDeliveryNotFound
    attempts = await executor.fetch(webhook_deliveries.SELECT_WEBHOOK_ATTEMPTS, delivery_id, caller.id)
    return WebhookDeliveryWithAttempts.model_construct(
        **row, ended_attempts=[WebhookAttempt.model_construct(**attempt) for attempt in attempts]
    )


async def send_test(transaction: Transaction, caller: Caller, endpoint_id: UUID) -> WebhookDelivery:
    """Owe the endpoint a webhook.test; raises WebhookEndpointNotFound. To a disabled one it is sent once it is enabled."""
    row = await transaction.fetch_one(webhook_deliveries.INSERT_TEST_DELIVERY, endpoint_id, caller.id)
    if row is None:
        raise WebhookEndpointNotFound
    return await _delivery(transaction, caller, row["id"])


async def redeliver(transaction: Transaction, caller: Caller, delivery_id: UUID) -> WebhookDelivery:
    """Send it again, under the same id, whatever became of it; raises WebhookDeliveryNotFound. What is being sent is left alone."""
    await transaction.execute(webhook_deliveries.REDELIVER, caller.id, delivery_id)
    return await _delivery(transaction, caller, delivery_id)


async def redeliver_failed(transaction: Transaction, caller: Caller, endpoint_id: UUID, since: datetime) -> Redelivered:
    """Send again what has failed for good since then, the oldest first, at most 10 000; raises WebhookEndpointNotFound."""
    await get_endpoint(transaction, caller, endpoint_id)
    first_id = smallest_id_of(since - _CLOCKS_APART)
    rows = await transaction.fetch(
        webhook_deliveries.REDELIVER_FAILED, caller.id, endpoint_id, since, first_id, _MOST_AT_ONCE
    )
    return Redelivered(redelivered=len(rows))


async def _delivery(executor: Executor, caller: Caller, delivery_id: UUID) -> WebhookDelivery:
    row = await executor.fetch_one(webhook_deliveries.SELECT_WEBHOOK_DELIVERY, caller.id, delivery_id)
    if row is None:
        raise WebhookDeliveryNotFound
    return WebhookDelivery.model_construct(**row)
