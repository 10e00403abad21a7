"""Webhook endpoints as their owners know them: creating, changing and deleting them, and their secrets."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.ids import new_id
from app.core.secret_box import SealBroken, SecretBox, UnknownSecretKey
from app.core.webhook_signing import new_secret
from app.core.webhook_urls import refused_url
from app.db.columns import columns_of
from app.db.database import Executor, Row, Transaction
from app.db.queries import clients, webhook_endpoints
from app.models.clients import Caller
from app.models.webhooks import (
    NewWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpointChanges,
    WebhookEndpoints,
    WebhookEndpointWithSecret,
)
from app.services.errors import NotAuthenticated, TooManyWebhookEndpoints, WebhookEndpointNotFound, WebhookUrlRefused

_OVERLAP: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class WebhookRules:
    """What the deployment decides about endpoints: how their secrets are kept, and whether they may be on this machine."""

    secret_box: SecretBox
    development: bool


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets were encrypted anew, and whose were not, since no key opens them."""

    count: int
    unreadable: list[UUID]


async def create_endpoint(
    transaction: Transaction, rules: WebhookRules, caller: Caller, asked: NewWebhookEndpoint
) -> WebhookEndpointWithSecret:
    """Create one, and tell its secret this once; raises WebhookUrlRefused, TooManyWebhookEndpoints, and NotAuthenticated when
    the account has just ended."""
    _check_url(rules, asked.url)
    endpoint_id, secret = new_id(), new_secret()
    if await transaction.fetch_one(clients.LOCK_CLIENT, caller.id) is None:
        raise NotAuthenticated
    row = await transaction.fetch_one(
        webhook_endpoints.INSERT_WEBHOOK_ENDPOINT,
        endpoint_id,
        caller.id,
        *asked.model_dump().values(),
        rules.secret_box.seal(secret, context=endpoint_id.bytes),
    )
    if row is None:
        raise TooManyWebhookEndpoints
    return WebhookEndpointWithSecret.model_construct(**row, secret=secret)


async def list_endpoints(executor: Executor, caller: Caller) -> WebhookEndpoints:
    """The caller's endpoints, the oldest first."""
    rows = await executor.fetch(webhook_endpoints.SELECT_WEBHOOK_ENDPOINTS, caller.id)
    return WebhookEndpoints.model_construct(endpoints=[WebhookEndpoint.model_construct(**row) for row in rows])


async def get_endpoint(executor: Executor, caller: Caller, endpoint_id: UUID) -> WebhookEndpoint:
    """One endpoint; raises WebhookEndpointNotFound, for somebody else's too."""
    row = await executor.fetch_one(webhook_endpoints.SELECT_WEBHOOK_ENDPOINT, endpoint_id, caller.id)
    return WebhookEndpoint.model_construct(**_found(row))


async def change_endpoint(
    transaction: Transaction, rules: WebhookRules, caller: Caller, endpoint_id: UUID, changes: WebhookEndpointChanges
) -> WebhookEndpoint:
    """Change the fields that were sent, and only those; raises WebhookUrlRefused and WebhookEndpointNotFound."""
    if changes.url is not None:
        _check_url(rules, changes.url)
    sent = changes.model_fields_set
    fields = [item for name, value in changes.model_dump().items() for item in (name in sent, value)]
    row = await transaction.fetch_one(webhook_endpoints.UPDATE_WEBHOOK_ENDPOINT, endpoint_id, caller.id, *fields)
    return WebhookEndpoint.model_construct(**_found(row))


async def delete_endpoint(transaction: Transaction, caller: Caller, endpoint_id: UUID) -> None:
    """Delete it, with what is still owed to it and its log; raises WebhookEndpointNotFound."""
    _found(await transaction.fetch_one(webhook_endpoints.DELETE_WEBHOOK_ENDPOINT, endpoint_id, caller.id))


async def delete_endpoints(transaction: Transaction, client_id: UUID) -> None:
    """Delete all that the client has, with where they were; nothing is sent to them any more."""
    await transaction.execute(webhook_endpoints.DELETE_WEBHOOK_ENDPOINTS_OF_CLIENT, client_id)


async def rotate_secret(
    transaction: Transaction, rules: WebhookRules, caller: Caller, endpoint_id: UUID
) -> WebhookEndpointWithSecret:
    """Give it a new secret, told this once; the one before signs too for 24 hours. Raises WebhookEndpointNotFound."""
    secret = new_secret()
    sealed = rules.secret_box.seal(secret, context=endpoint_id.bytes)
    row = await transaction.fetch_one(webhook_endpoints.UPDATE_WEBHOOK_SECRET, endpoint_id, caller.id, sealed, _OVERLAP)
    return WebhookEndpointWithSecret.model_construct(**_found(row), secret=secret)


async def reseal_secrets(transaction: Transaction, secret_box: SecretBox) -> Resealed:
    """Encrypt with the first key what was encrypted with another one: then the other one is needed no more.

    A secret that no key opens is left as it is, and hinders no other.
    """
    resealed: list[tuple[UUID, bytes, bytes]] = []
    unreadable: list[UUID] = []
    for row in await transaction.fetch(webhook_endpoints.SELECT_SEALED_SECRETS):
        endpoint_id, sealed = row["endpoint_id"], row["sealed"]
        try:
            if secret_box.needs_reseal(sealed):
                secret = secret_box.open(sealed, context=endpoint_id.bytes)
                resealed.append((endpoint_id, sealed, secret_box.seal(secret, context=endpoint_id.bytes)))
        except (UnknownSecretKey, SealBroken):
            unreadable.append(endpoint_id)
    if resealed:
        await transaction.execute(webhook_endpoints.UPDATE_SEALED_SECRETS, *columns_of(resealed))
    return Resealed(len(resealed), unreadable)


def _check_url(rules: WebhookRules, url: str) -> None:
    if reason := refused_url(url, development=rules.development):
        raise WebhookUrlRefused(f"Webhooks cannot be sent to this URL: {reason}.")


def _found(row: Row | None) -> Row:
    if row is None:
        raise WebhookEndpointNotFound
    return row
