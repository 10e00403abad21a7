"""Clients: registering, and looking after one's own account."""

from app.db.database import Database, Executor, Transaction
from app.db.queries import clients
from app.models.clients import Caller, Client, ClientChanges, ClientRegistration, Role
from app.services.errors import EmailTaken, NotAuthenticated
from app.services.ports import PasswordHasher


async def register_client(
    database: Database, passwords: PasswordHasher, registration: ClientRegistration, *, role: Role = "client"
) -> Client:
    """Create the account; raises EmailTaken. No connection is held while the password is hashed."""
    if await database.reader.fetch_one(clients.SELECT_CREDENTIALS, registration.email):
        raise EmailTaken  # before the costly hash; the insert below is what decides
    password_hash = await passwords.hash(registration.password)
    async with database.transaction() as transaction:
        row = await transaction.fetch_one(
            clients.INSERT_CLIENT, role, registration.name, registration.email, registration.document, password_hash
        )
    if row is None:
        raise EmailTaken
    return Client.model_construct(**row)


async def get_client(executor: Executor, caller: Caller) -> Client:
    """The caller's own account; raises NotAuthenticated when it is gone."""
    row = await executor.fetch_one(clients.SELECT_CLIENT, caller.id)
    if row is None:
        raise NotAuthenticated
    return Client.model_construct(**row)


async def change_client(transaction: Transaction, caller: Caller, changes: ClientChanges) -> Client:
    """Change the fields that were sent, and only those; raises NotAuthenticated when the account is gone."""
    sent = changes.model_fields_set
    row = await transaction.fetch_one(
        clients.UPDATE_CLIENT, caller.id, "name" in sent, changes.name, "document" in sent, changes.document
    )
    if row is None:
        raise NotAuthenticated
    return Client.model_construct(**row)
