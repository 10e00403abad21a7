"""API keys: made, listed, rotated and revoked by their owner; and whose the key is that came with a request."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.api_keys import hash_api_key, new_api_key
from app.db.database import Database, DatabaseBusy, DatabaseUnavailable, Executor, Row, Transaction
from app.db.queries import api_keys, clients
from app.models.api_keys import ApiKey, ApiKeyRequest, ApiKeyRotation, ApiKeys, NewApiKey
from app.models.audit import Source
from app.models.clients import Caller
from app.models.scopes import known_scopes
from app.services.audit_service import record_event
from app.services.authentication import Credential
from app.services.errors import ApiKeyNotFound, ExpiryInPast, NotAuthenticated, TooManyApiKeys

_MOST_LIVE: Final = 50
_USE_IS_NEWS_AFTER: Final = timedelta(minutes=1)


async def create_api_key(transaction: Transaction, source: Source, caller: Caller, request: ApiKeyRequest) -> NewApiKey:
    """A new key of the caller; raises NotAuthenticated when the account is gone, TooManyApiKeys and ExpiryInPast."""
    await _require_room(transaction, caller)
    if is_test := request.mode == "test":
        await transaction.execute(clients.INSERT_TEST_CLIENT, caller.id)
    key = new_api_key(request.mode)
    row = await transaction.fetch_one(
        api_keys.INSERT_API_KEY,
        caller.id,
        request.name,
        request.scopes,
        request.expires_at,
        hash_api_key(key),
        key[-4:],
        is_test,
    )
    if row is None:
        raise ExpiryInPast
    await record_event(
        transaction,
        source,
        "api_key.created",
        client_id=caller.id,
        details={"api_key_id": str(row["id"]), "mode": request.mode, "scopes": request.scopes},
    )
    return NewApiKey.model_construct(**row, key=key)


async def _require_room(transaction: Transaction, caller: Caller) -> None:
    # Whoever makes another key at the same time, or ends the account, waits: what is counted here is still so at the commit.
    if await transaction.fetch_one(clients.LOCK_CLIENT, caller.id) is None:
        raise NotAuthenticated
    (row,) = await transaction.fetch(api_keys.COUNT_LIVE_API_KEYS, caller.id)
    if row["live"] >= _MOST_LIVE:
        raise TooManyApiKeys


async def list_api_keys(executor: Executor, caller: Caller) -> ApiKeys:
    """The caller's keys."""
    rows = await executor.fetch(api_keys.SELECT_API_KEYS, caller.id)
    return ApiKeys(api_keys=[ApiKey.model_construct(**row) for row in rows])


async def rotate_api_key(
    transaction: Transaction, source: Source, caller: Caller, key_id: UUID, rotation: ApiKeyRotation
) -> NewApiKey:
    """A new key in the place of this one, which goes on for a while; raises NotAuthenticated, ApiKeyNotFound and TooManyApiKeys."""
    await _require_room(transaction, caller)
    mode = await transaction.fetch_one(api_keys.SELECT_LIVE_API_KEY_MODE, key_id, caller.id)
    if mode is None:
        raise ApiKeyNotFound
    key = new_api_key(mode["mode"])
    row = await transaction.fetch_one(api_keys.INSERT_ROTATED_API_KEY, key_id, caller.id, hash_api_key(key), key[-4:])
    if row is None:
        raise ApiKeyNotFound
    await transaction.execute(api_keys.UPDATE_REPLACED_API_KEY, key_id, timedelta(hours=rotation.overlap_hours))
    await record_event(
        transaction,
        source,
        "api_key.rotated",
        client_id=caller.id,
        details={"api_key_id": str(key_id), "by": str(row["id"]), "overlap_hours": rotation.overlap_hours},
    )
    return NewApiKey.model_construct(**row, key=key)


async def revoke_api_key(transaction: Transaction, source: Source, caller: Caller, key_id: UUID) -> None:
    """End the key: it is refused within moments; raises ApiKeyNotFound."""
    if not await transaction.fetch_one(api_keys.REVOKE_API_KEY, key_id, caller.id):
        raise ApiKeyNotFound
    await record_event(transaction, source, "api_key.revoked", client_id=caller.id, details={"api_key_id": str(key_id)})


async def delete_api_keys(transaction: Transaction, client_id: UUID) -> None:
    """Leave nothing of the client's keys: they are refused within moments."""
    await transaction.execute(api_keys.DELETE_API_KEYS_OF_CLIENT, client_id)


async def find_credentials(database: Database, key_hashes: Sequence[bytes]) -> Mapping[bytes, Credential]:
    """What the keys with these hashes are good for; those that are good for nothing any more are left out. Their use is noted."""
    rows = await database.reader.fetch(api_keys.SELECT_BEARERS, key_hashes, _USE_IS_NEWS_AFTER)
    if used := [row["id"] for row in rows if row["use_is_news"]]:
        with suppress(DatabaseUnavailable, DatabaseBusy):  # to know when it was used is not worth refusing it
            async with database.transaction() as transaction:
                await transaction.execute(api_keys.UPDATE_LAST_USED, used)
    return {row["key_hash"]: _credential(row) for row in rows}


def _credential(row: Row) -> Credential:
    ends = row["expires_at"].timestamp() if row["expires_at"] else math.inf
    caller = Caller(id=row["client_id"], role=row["role"], suspended=row["suspended"], test=row["test"])
    return Credential(caller, known_scopes(row["scopes"]), begins=-math.inf, ends=ends)
