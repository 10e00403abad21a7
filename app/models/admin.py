"""Shapes of clients as operators see them."""

from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field

from app.models.clients import Role
from app.models.fields import Document, Email, LongText, ShortText, Timestamp
from app.models.shape import Cursor, NextCursor, PageLength, Query, Shape

ClientState: TypeAlias = Literal["active", "suspended", "deleted"]

_EXAMPLE: dict[str, Any] = {
    "id": "0199c1d0-1111-7d3e-9f51-6f0a8d1f2b22",
    "role": "client",
    "name": "Loja Azul",
    "email": "ti@lojaazul.com.br",
    "document": "11222333000181",
    "created_at": "2026-11-25T14:30:00Z",
    "suspended_at": None,
    "deleted_at": None,
}


class ManagedClient(Shape):
    """A client as operators see it; `suspended_at` and `deleted_at` are null while its credentials are taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    role: Role
    name: str
    email: Email
    document: Document | None
    created_at: Timestamp
    suspended_at: Timestamp | None
    deleted_at: Timestamp | None


class ManagedClientPage(Shape):
    """A page of clients; `next_cursor` is null on the last one."""

    clients: list[ManagedClient]
    next_cursor: NextCursor | None


class ClientQuery(Query):
    """Which clients a page shows, those registered last first."""

    role: Role | None = None
    state: ClientState | None = None
    search: ShortText | None = Field(default=None, description="Part of the name or e-mail, or the whole document.")
    cursor: Cursor | None = None
    limit: PageLength = 50


class Suspension(Shape):
    """Why a client is suspended: it stays in the audit log for good, and in the client's export, so it should name nobody."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Postings of forbidden goods"}]})

    reason: LongText
