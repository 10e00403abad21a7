"""API keys: made, listed, rotated and revoked by their owner; and whose the key is that came with a request."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.api_keys import hash_api_key, new_api_key
from app.db.database import Database, DatabaseBusy, DatabaseUnavailable, Executor, Row, Transaction
from app.db.queries import api_keys
from app.models.api_keys import ApiKey, ApiKeyRequest, ApiKeyRotation, ApiKeys, NewApiKey
from app.models.clients import Caller
from app.models.scopes import known_scopes
from app.services.authentication import Credential
from app.services.errors import ApiKeyNotFound, ExpiryInPast, TooManyApiKeys

_MOST_LIVE: Final = 50
_USE_IS_NEWS_AFTER: Final = timedelta(minutes=1)


async def create_api_key(transaction: Transaction, caller: Caller, request: ApiKeyRequest) -> NewApiKey:
    """A new key of the caller; raises TooManyApiKeys and ExpiryInPast."""
    await _require_room(transaction, caller)
    key = new_api_key()
    row = await transaction.fetch_one(
        api_keys.INSERT_API_KEY,
        caller.id,
        request.name,
        request.scopes,
        request.expires_at,
        hash_api_key(key),
        key[-4:],
    )
    if row is None:
        raise ExpiryInPast
    return NewApiKey.model_construct(**row, key=key)


async def _require_room(executor: Executor, caller: Caller) -> None:
    (row,) = await executor.fetch(api_keys.COUNT_LIVE_API_KEYS, caller.id)
    if row["live"] >= _MOST_LIVE:
        raise TooManyApiKeys


async def list_api_keys(executor: Executor, caller: Caller) -> ApiKeys:
    """The caller's keys."""
    rows = await executor.fetch(api_keys.SELECT_API_KEYS, caller.id)
    return ApiKeys(api_keys=[ApiKey.model_construct(**row) for row in rows])


async def rotate_api_key(transaction: Transaction, caller: Caller, key_id: UUID, rotation: ApiKeyRotation) -> NewApiKey:
    """A new key in the place of this one, which goes on for a while; raises ApiKeyNotFound and TooManyApiKeys."""
    await _require_room(transaction, caller)
    key = new_api_key()
    row = await transaction.fetch_one(api_keys.INSERT_ROTATED_API_KEY, key_id, caller.id, hash_api_key(key), key[-4:])
    if row is None:
        raise ApiKeyNotFound
    await transaction.execute(api_keys.UPDATE_REPLACED_API_KEY, key_id, timedelta(hours=rotation.overlap_hours))
    return NewApiKey.model_construct(**row, key=key)


async def revoke_api_key(transaction: Transaction, caller: Caller, key_id: UUID) -> None:
    """End the key: it is refused within moments; raises ApiKeyNotFound."""
    if not await transaction.fetch_one(api_keys.REVOKE_API_KEY, key_id, caller.id):
        raise ApiKeyNotFound


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
    caller = Caller(id=row["client_id"], role=row["role"])
    return Credential(caller, known_scopes(row["scopes"]), begins=-math.inf, ends=ends)
