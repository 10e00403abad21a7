"""The end of an account, held against what its client does at the same moment: nothing is left that lets anybody in, or tells anybody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from app.core.secret_box import SecretBox
from app.db.database import Database, Row
from app.models.api_keys import ApiKeyRequest
from app.models.audit import Source
from app.models.auth import Tokens
from app.models.clients import Caller
from app.models.scopes import scopes_of
from app.models.webhooks import NewWebhookEndpoint
from app.services import api_key_service, session_service, webhook_service
from app.services.errors import NotAuthenticated
from app.services.personal_data_service import delete_client
from app.services.webhook_service import WebhookRules
from tests.db.rows import CLIENT, Connection, insert
from tests.services.test_sessions import RULES, refresh
from tests.until import until

CALLER: Final = Caller(id=CLIENT, role="client")


@pytest.fixture
async def client(connection: Connection) -> Row:
    """A client, as whoever signs in has just read it."""
    await insert(connection, "clients", {})
    row = await connection.fetchrow("SELECT id, role, password_hash FROM clients WHERE id = $1", CLIENT)
    assert row is not None
    return row


async def create_key(database: Database, _client: Row) -> object:
    """Make an API key; None when the account is gone."""
    async with database.transaction() as transaction:
        try:
            asked = ApiKeyRequest(name="ERP", scopes=["postings:read"])
            return await api_key_service.create_api_key(transaction, Source(), CALLER, asked)
        except NotAuthenticated:
            return None


async def create_endpoint(database: Database, _client: Row) -> object:
    """Make a webhook endpoint; None when the account is gone."""
    rules = WebhookRules(SecretBox(["a key of forty characters for this test."]), development=False)
    async with database.transaction() as transaction:
        try:
            asked = NewWebhookEndpoint(url="https://loja.example/webhooks")
            return await webhook_service.create_endpoint(transaction, rules, CALLER, asked)
        except NotAuthenticated:
            return None


async def sign_in(database: Database, client: Row) -> Tokens | None:
    """Begin a session; None when the password is not the one any more that was verified."""
    async with database.transaction() as transaction:
        return await session_service.start_session(transaction, RULES, client, scopes_of("client"))


@pytest.mark.parametrize("work", [create_key, create_endpoint, sign_in], ids=lambda work: work.__name__)
async def test_what_comes_while_the_account_ends_is_refused(
    database: Database, connection: Connection, client: Row, work: Callable[[Database, Row], Awaitable[object]]
) -> None:
    assert await work(database, client) is not None

    async def waits() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    async with database.transaction() as transaction:
        await delete_client(transaction, Source(), CALLER)
        meanwhile = asyncio.ensure_future(work(database, client))
        await until("the other one waits", waits)
    assert await meanwhile is None
    for left in ("sessions", "api_keys", "webhook_endpoints WHERE deleted_at IS NULL"):
        assert await connection.fetchval(f"SELECT count(*) FROM {left}") == 0  # noqa: S608


async def test_a_refresh_at_the_same_moment_leaves_no_session(
    database: Database, connection: Connection, client: Row
) -> None:
    first = await sign_in(database, client)

    async def end() -> None:
        async with database.transaction() as transaction:
            await delete_client(transaction, Source(), CALLER)

    assert first is not None
    refreshed, _ = await asyncio.gather(refresh(database, first.refresh_token), end())
    assert await connection.fetchval("SELECT count(*) FROM sessions") == 0
    assert refreshed is None or await refresh(database, refreshed.refresh_token) is None
