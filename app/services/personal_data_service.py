"""Personal data: given to whom it is about, and taken out when its time is over (LGPD, articles 15, 16 and 18; docs/privacy.md)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final, LiteralString
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from app.db.database import Executor, Row, Transaction
from app.db.queries import clients, personal_data
from app.models.audit import Source
from app.models.clients import Caller
from app.services import api_key_service, session_service, webhook_service
from app.services.audit_service import record_event
from app.services.errors import NotAuthenticated

EXPORTED: Final[dict[str, LiteralString]] = {
    "account": personal_data.EXPORT_ACCOUNT,
    "sessions": personal_data.EXPORT_SESSIONS,
    "api_keys": personal_data.EXPORT_API_KEYS,
    "postings": personal_data.EXPORT_POSTINGS,
    "status_history": personal_data.EXPORT_STATUS_HISTORY,
    "status_updates": personal_data.EXPORT_STATUS_UPDATES,
    "idempotency_keys": personal_data.EXPORT_IDEMPOTENCY_KEYS,
    "webhook_endpoints": personal_data.EXPORT_WEBHOOK_ENDPOINTS,
    "webhook_deliveries": personal_data.EXPORT_WEBHOOK_DELIVERIES,
    "webhook_attempts": personal_data.EXPORT_WEBHOOK_ATTEMPTS,
    "audit_log": personal_data.EXPORT_AUDIT_LOG,
}
"""The files of an export, `….jsonl` each, and where their lines come from."""
_LINES_AT_ONCE: Final = 500
_TEST_RETENTION: Final = timedelta(days=30)


async def delete_client(transaction: Transaction, source: Source, caller: Caller) -> None:
    """End the caller's account; raises NotAuthenticated when that was done before.

    The account is anonymised at once and lets nobody in any more; its postings are anonymised by the workers: those that are finished
    soon, those on their way when they are.
    """
    if await transaction.fetch_one(personal_data.DELETE_CLIENT, caller.id) is None:
        raise NotAuthenticated
    await transaction.execute(personal_data.DELETE_TEST_CLIENT, caller.id)
    await session_service.end_sessions(transaction, caller.id)
    await api_key_service.delete_api_keys(transaction, caller.id)
    await webhook_service.delete_endpoints(transaction, caller.id)
    await record_event(transaction, source, "client.deleted", client_id=caller.id)


async def export_client(
    transaction: Transaction, executor: Executor, source: Source, caller: Caller
) -> AsyncIterator[bytes]:
    """A zip of all that is held of the caller, piece by piece; raises NotAuthenticated before the first one.

    A page of rows is in memory at a time, and no transaction is open meanwhile: what is written while it runs may be in it or not.
    """
    if not await transaction.fetch(personal_data.EXPORT_ACCOUNT, caller.id, None, 1):
        raise NotAuthenticated
    await record_event(transaction, source, "client.exported", client_id=caller.id)
    test_client = await transaction.fetch_one(clients.SELECT_TEST_CLIENT, caller.id)
    return _zipped(executor, [caller.id, test_client["client_id"]] if test_client else [caller.id])


async def _zipped(executor: Executor, owners: Sequence[UUID]) -> AsyncIterator[bytes]:
    outlet = _Outlet()
    with ZipFile(outlet, "w", ZIP_DEFLATED) as archive:
        for name, sql in EXPORTED.items():
            with archive.open(f"{name}.jsonl", "w", force_zip64=True) as file:
                async for rows in _pages(executor, sql, owners):
                    lines = "".join(f"{row['line']}\n" for row in rows)
                    # To compress a page takes milliseconds, in which other requests go on.
                    await asyncio.to_thread(file.write, lines.encode())
                    yield outlet.take()
    yield outlet.take()


async def _pages(executor: Executor, sql: LiteralString, owners: Sequence[UUID]) -> AsyncIterator[list[Row]]:
    for owner in owners:
        position: str | None = None
        while rows := await executor.fetch(sql, owner, position, _LINES_AT_ONCE):
            yield rows
            position = rows[-1]["position"]


class _Outlet:
    """What a ZipFile writes into that nobody keeps: only the end of it is here."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here to be written elsewhere."""

    def close(self) -> None:
        """Nor is anything to be closed."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


async def anonymise_postings(
    transaction: Transaction, *, retention: timedelta, after: int, limit: int
) -> tuple[int | None, int]:
    """Take the personal data out of those of the next `limit` postings, in the order of ids and from the id after `after` on, whose time
    is over: `retention` after the last step, 30 days of a test posting, and for a deleted client's at its end. The last id that was
    looked at (None: there were no more), and how many were anonymised."""
    arguments = after, limit, retention, min(retention, _TEST_RETENTION)
    (row,) = await transaction.fetch(personal_data.ANONYMISE_POSTINGS, *arguments)
    return row["last"], row["anonymised"]


async def delete_keys_of_deleted_clients(transaction: Transaction, *, limit: int) -> int:
    """Delete idempotency keys of clients that ended their account, and return how many: fewer than `limit` when that was all."""
    (row,) = await transaction.fetch(personal_data.DELETE_KEYS_OF_DELETED_CLIENTS, limit)
    deleted: int = row["deleted"]
    return deleted
