"""Clients: registering, and looking after one's own account."""

from app.db.database import Database, Executor, Transaction
from app.db.queries import clients
from app.models.audit import Source
from app.models.clients import Caller, Client, ClientChanges, ClientRegistration, Role
from app.services.audit_service import record_event
from app.services.errors import EmailTaken, NotAuthenticated
from app.services.password_policy import check_password
from app.services.ports import PasswordHasher


async def register_client(
    database: Database,
    passwords: PasswordHasher,
    source: Source,
    registration: ClientRegistration,
    *,
    role: Role = "client",
) -> Client:
    """Create the account, of a client by itself; raises GuessablePassword and EmailTaken.

    No connection is held while the password is hashed.
    """
    check_password(passwords, registration.password, email=registration.email, name=registration.name)
    if await database.reader.fetch_one(clients.SELECT_CREDENTIALS, registration.email):
        raise EmailTaken  # before the costly hash; the insert below is what decides
    password_hash = await passwords.hash(registration.password)
    async with database.transaction() as transaction:
        row = await transaction.fetch_one(
            clients.INSERT_CLIENT, role, registration.name, registration.email, registration.document, password_hash
        )
        if row is None:
            raise EmailTaken
        if role == "client":
            itself = source.model_copy(update={"actor_id": row["id"]})
            await record_event(transaction, itself, "client.registered", client_id=row["id"])
        else:
            await record_event(transaction, source, "operator.created", client_id=row["id"])
    return Client.model_construct(**row)


async def get_client(executor: Executor, caller: Caller) -> Client:
    """The caller's own account; raises NotAuthenticated when it is gone."""
    row = await executor.fetch_one(clients.SELECT_CLIENT, caller.id)
    if row is None:
        raise NotAuthenticated
    return Client.model_construct(**row)


async def change_client(transaction: Transaction, source: Source, caller: Caller, changes: ClientChanges) -> Client:
    """Change the fields that were sent, and only those; raises NotAuthenticated when the account is gone."""
    sent = changes.model_fields_set
    row = await transaction.fetch_one(
        clients.UPDATE_CLIENT, caller.id, "name" in sent, changes.name, "document" in sent, changes.document
    )
    if row is None:
        raise NotAuthenticated
    if sent:
        await record_event(transaction, source, "client.changed", client_id=caller.id, details={"fields": sorted(sent)})
    return Client.model_construct(**row)
