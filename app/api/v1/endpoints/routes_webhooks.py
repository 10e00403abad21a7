"""Webhooks: endpoints, their secrets, and the log of what was delivered to them."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from app.api.links import LOCATION, NEXT_PAGE, link_next
from app.api.problems import declares
from app.core.deps import PartsDep, ReaderDep, TransactionDep, WebhookOwnerDep
from app.models.fields import Id
from app.models.webhooks import (
    FailedSince,
    MessageId,
    NewWebhookEndpoint,
    Redelivered,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookDeliveryQuery,
    WebhookDeliveryWithAttempts,
    WebhookEndpoint,
    WebhookEndpointChanges,
    WebhookEndpoints,
    WebhookEndpointWithSecret,
    message_id,
)
from app.services import errors, webhook_log_service, webhook_service

router: Final = APIRouter(prefix="/webhooks", tags=["webhooks"], responses=declares(errors.NotAuthenticated))

_OF_ENDPOINT: Final = declares(errors.WebhookEndpointNotFound)
_OF_DELIVERY: Final = declares(errors.WebhookDeliveryNotFound)
_ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {202: LOCATION}


@router.post(
    "/endpoints",
    status_code=201,
    responses={
        201: LOCATION,
        **declares(errors.TooManyWebhookEndpoints, errors.WebhookUrlRefused),
    },
)
async def create_webhook_endpoint(
    transaction: TransactionDep,
    parts: PartsDep,
    caller: WebhookOwnerDep,
    endpoint: NewWebhookEndpoint,
    response: Response,
) -> WebhookEndpointWithSecret:
    """Create an endpoint (10 at most): from now on it is told of what happens to your postings. Its secret is in this answer only."""
    created = await webhook_service.create_endpoint(transaction, parts.webhook_rules, caller, endpoint)
    response.headers["Location"] = f"/api/v1/webhooks/endpoints/{created.id}"
    return created


@router.get("/endpoints")
async def list_webhook_endpoints(reader: ReaderDep, caller: WebhookOwnerDep) -> WebhookEndpoints:
    """Your endpoints, the oldest first."""
    return await webhook_service.list_endpoints(reader, caller)


@router.get("/endpoints/{endpoint_id}", responses=_OF_ENDPOINT)
async def get_webhook_endpoint(reader: ReaderDep, caller: WebhookOwnerDep, endpoint_id: Id) -> WebhookEndpoint:
    """One endpoint: also whether it was disabled, and why."""
    return await webhook_service.get_endpoint(reader, caller, endpoint_id)


@router.patch("/endpoints/{endpoint_id}", responses={**_OF_ENDPOINT, **declares(errors.WebhookUrlRefused)})
async def change_webhook_endpoint(
    transaction: TransactionDep,
    parts: PartsDep,
    caller: WebhookOwnerDep,
    endpoint_id: Id,
    changes: WebhookEndpointChanges,
) -> WebhookEndpoint:
    """Change an endpoint; what you leave out stays. A disabled one is told of nothing that happens meanwhile; what it was owed before
    waits until it is enabled again."""
    return await webhook_service.change_endpoint(transaction, parts.webhook_rules, caller, endpoint_id, changes)


@router.delete("/endpoints/{endpoint_id}", status_code=204, responses=_OF_ENDPOINT)
async def delete_webhook_endpoint(transaction: TransactionDep, caller: WebhookOwnerDep, endpoint_id: Id) -> None:
    """Delete an endpoint, with its log and what it is still owed."""
    await webhook_service.delete_endpoint(transaction, caller, endpoint_id)


@router.post("/endpoints/{endpoint_id}/rotate-secret", responses=_OF_ENDPOINT)
async def rotate_webhook_secret(
    transaction: TransactionDep, parts: PartsDep, caller: WebhookOwnerDep, endpoint_id: Id
) -> WebhookEndpointWithSecret:
    """Get a new secret, in this answer only. For 24 hours every event is signed with the new one and the one before."""
    return await webhook_service.rotate_secret(transaction, parts.webhook_rules, caller, endpoint_id)


@router.post("/endpoints/{endpoint_id}/test", status_code=202, responses={**_ACCEPTED, **_OF_ENDPOINT})
async def test_webhook_endpoint(
    transaction: TransactionDep, caller: WebhookOwnerDep, endpoint_id: Id, response: Response
) -> WebhookDelivery:
    """Have a `webhook.test` event sent; what became of it is at its Location."""
    delivery = await webhook_log_service.send_test(transaction, caller, endpoint_id)
    response.headers["Location"] = _address(delivery)
    return delivery


@router.post("/endpoints/{endpoint_id}/redeliver", status_code=202, responses=_OF_ENDPOINT)
async def redeliver_failed_webhooks(
    transaction: TransactionDep, caller: WebhookOwnerDep, endpoint_id: Id, failed: FailedSince
) -> Redelivered:
    """Have everything sent again that has failed for good since a time: the oldest 10 000; ask again until there are none."""
    return await webhook_log_service.redeliver_failed(transaction, caller, endpoint_id, failed.since)


@router.get("/deliveries", responses={200: NEXT_PAGE, **declares(errors.InvalidCursor)})
async def list_webhook_deliveries(
    reader: ReaderDep,
    caller: WebhookOwnerDep,
    query: Annotated[WebhookDeliveryQuery, Query()],
    request: Request,
    response: Response,
) -> WebhookDeliveryPage:
    """What your endpoints were told, or are owed, the newest first."""
    page = await webhook_log_service.list_deliveries(reader, caller, query)
    link_next(request, response, page.next_cursor)
    return page


DeliveryPath = Annotated[MessageId, Path(description="The webhook-id of the delivery.")]


@router.get("/deliveries/{delivery_id}", responses=_OF_DELIVERY)
async def get_webhook_delivery(
    reader: ReaderDep, caller: WebhookOwnerDep, delivery_id: DeliveryPath
) -> WebhookDeliveryWithAttempts:
    """One delivery with its attempts: when, how long, and what came back."""
    return await webhook_log_service.get_delivery(reader, caller, delivery_id)


@router.post("/deliveries/{delivery_id}/redeliver", status_code=202, responses={**_ACCEPTED, **_OF_DELIVERY})
async def redeliver_webhook(
    transaction: TransactionDep, caller: WebhookOwnerDep, delivery_id: DeliveryPath, response: Response
) -> WebhookDelivery:
    """Have one sent again, whatever became of it, under the same webhook-id."""
    delivery = await webhook_log_service.redeliver(transaction, caller, delivery_id)
    response.headers["Location"] = _address(delivery)
    return delivery


def _address(delivery: WebhookDelivery) -> str:
    return f"/api/v1/webhooks/deliveries/{message_id(delivery.id)}"
