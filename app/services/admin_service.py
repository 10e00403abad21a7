"""What operators do with clients: list, find, suspend and restore them."""

from uuid import UUID

from app.core.cursors import encode_cursor
from app.db.database import Executor, Transaction
from app.db.queries import clients
from app.models.admin import ClientQuery, ManagedClient, ManagedClientPage, Suspension
from app.models.audit import Source
from app.services.audit_service import record_event
from app.services.errors import ClientNotFound, OwnAccount
from app.services.pages import id_before


async def list_clients(executor: Executor, query: ClientQuery) -> ManagedClientPage:
    """One page of all clients and operators, those registered last first; raises InvalidCursor."""
    rows = await executor.fetch(
        clients.SELECT_CLIENTS,
        query.role,
        query.state,
        query.search,
        id_before("clients", query.cursor),
        query.limit + 1,
    )
    page = rows[: query.limit]
    return ManagedClientPage.model_construct(
        clients=[ManagedClient.model_construct(**row) for row in page],
        next_cursor=encode_cursor("clients", str(page[-1]["id"])) if len(rows) > query.limit else None,
    )


async def find_client(executor: Executor, client_id: UUID) -> ManagedClient:
    """The client with this id; raises ClientNotFound."""
    row = await executor.fetch_one(clients.SELECT_MANAGED_CLIENT, client_id)
    if row is None:
        raise ClientNotFound
    return ManagedClient.model_construct(**row)


async def suspend_client(
    transaction: Transaction, source: Source, client_id: UUID, suspension: Suspension
) -> ManagedClient:
    """Its credentials are not taken any more within seconds; one that is suspended or deleted already stays so.

    Raises ClientNotFound and OwnAccount.
    """
    if client_id == source.actor_id:
        raise OwnAccount
    row = await transaction.fetch_one(clients.SUSPEND_CLIENT, client_id)
    if row is None:
        return await find_client(transaction, client_id)
    await record_event(
        transaction, source, "client.suspended", client_id=client_id, details={"reason": suspension.reason}
    )
    return ManagedClient.model_construct(**row)


async def restore_client(transaction: Transaction, source: Source, client_id: UUID) -> ManagedClient:
    """Its credentials are taken again within seconds; one that is not suspended stays so. Raises ClientNotFound."""
    row = await transaction.fetch_one(clients.RESTORE_CLIENT, client_id)
    if row is None:
        return await find_client(transaction, client_id)
    await record_event(transaction, source, "client.restored", client_id=client_id)
    return ManagedClient.model_construct(**row)
