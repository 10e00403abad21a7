"""The audit log: written in the transaction of what it tells of, read by operators."""

import json
from collections.abc import Mapping
from uuid import UUID

from app.core.cursors import encode_cursor
from app.db.database import Executor, Row, Transaction
from app.db.queries import audit_log
from app.models.audit import Action, AuditEvent, AuditPage, AuditQuery, Source
from app.services.pages import id_before


async def record_event(
    transaction: Transaction,
    source: Source,
    action: Action,
    *,
    client_id: UUID | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write that the source did this, to that client's account if to one. `details` must hold no personal data: they stay for good."""
    await transaction.execute(
        audit_log.INSERT_AUDIT_EVENT,
        source.actor_id,
        source.address,
        action,
        client_id,
        json.dumps(details or {}),
    )


async def list_events(executor: Executor, query: AuditQuery) -> AuditPage:
    """One page of the log, the newest first; raises InvalidCursor."""
    rows = await executor.fetch(
        audit_log.SELECT_AUDIT_EVENTS,
        query.action,
        query.actor_id,
        query.client_id,
        query.occurred_from,
        query.occurred_to,
        id_before("audit_log", query.cursor),
        query.limit + 1,
    )
    page = rows[: query.limit]
    return AuditPage.model_construct(
        events=[_event(row) for row in page],
        next_cursor=encode_cursor("audit_log", str(page[-1]["id"])) if len(rows) > query.limit else None,
    )


def _event(row: Row) -> AuditEvent:
    return AuditEvent.model_construct(**{**row, "details": json.loads(row["details"])})
