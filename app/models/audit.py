"""Shapes of the audit log: who did what to which account, when, and from where."""

from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.models.fields import Id, Timestamp
from app.models.shape import Cursor, NextCursor, PageLength, Query, Shape

Action: TypeAlias = Literal[
    "client.registered",
    "client.changed",
    "client.password_changed",
    "client.suspended",
    "client.restored",
    "client.exported",
    "client.deleted",
    "session.revoked",
    "session.token_reused",
    "api_key.created",
    "api_key.rotated",
    "api_key.revoked",
    "operator.created",
    "dead_letters.redriven",
]

_EXAMPLE: dict[str, Any] = {
    "id": "0199c1d0-9b3c-7d3e-9f51-6f0a8d1f2b33",
    "occurred_at": "2026-11-25T14:30:00Z",
    "actor_id": "0199c1d0-7a7b-7d3e-9f51-6f0a8d1f2b11",
    "address": "203.0.113.7",
    "action": "client.suspended",
    "client_id": "0199c1d0-1111-7d3e-9f51-6f0a8d1f2b22",
    "details": {"reason": "Postings of forbidden goods"},
}


class Source(Shape):
    """Who does something, and from where. Without an id: whoever may use the command line; without an address: there is no network."""

    actor_id: UUID | None = None
    address: str | None = None


class AuditEvent(Shape):
    """One action. `actor_id` is null for the command line and for whoever used a refresh token again, `client_id` where it was done to
    no account."""

    id: UUID
    occurred_at: Timestamp
    actor_id: UUID | None
    address: str | None = Field(description="The IP address that the request came from.")
    action: Action
    client_id: UUID | None
    details: dict[str, JsonValue] = Field(
        description="What else is to be known of it; never the values of personal data."
    )


class AuditPage(Shape):
    """A page of the audit log; `next_cursor` is null on the last one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"events": [_EXAMPLE], "next_cursor": None}]})

    events: list[AuditEvent]
    next_cursor: NextCursor | None


class AuditQuery(Query):
    """Which actions a page shows, the newest first. Of the range, the second time is not part."""

    action: Action | None = None
    actor_id: Id | None = None
    client_id: Id | None = None
    occurred_from: Timestamp | None = None
    occurred_to: Timestamp | None = None
    cursor: Cursor | None = None
    limit: PageLength = 50
