"""Rows that PostgreSQL takes, and the ways in which it must not take them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import pytest
from typing_extensions import override

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CLIENT: Final = UUID(int=1)
POSTING: Final = 0
POSTED: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER: Final = POSTED + timedelta(days=1)
EARLIER: Final = POSTED - timedelta(seconds=1)
_PLACE: Final = '{"name": "Ana Souza", "cep": "12243000", "city": "São José dos Campos", "uf": "SP"}'

VALID: Final[Mapping[str, Mapping[str, object]]] = {
    "clients": {"id": CLIENT, "name": "Loja Azul", "email": "ti@lojaazul.com.br", "password_hash": "$argon2id$"},
    "postings": {
        "id": POSTING,
        "client_id": CLIENT,
        "tracking_code": "ZP473124829BR",
        "status_at": POSTED,
        "posted_at": POSTED,
        "weight_g": 900,
        "volume_cm3": 7200,
        "declared_value": Decimal("164.00"),
        "freight_price": Decimal("9.45"),
        "service": "standard",
        "sender": _PLACE,
        "recipient": _PLACE,
    },
    "api_keys": {
        "id": UUID(int=30),
        "client_id": CLIENT,
        "name": "ERP",
        "scopes": ["postings:read"],
        "key_hash": b"h" * 32,
        "last4": "abcd",
    },
    "sessions": {
        "id": UUID(int=20),
        "client_id": CLIENT,
        "scopes": ["account"],
        "token_hashes": [b"hash"],
        "expires_at": datetime(2099, 1, 1, tzinfo=UTC),
    },
    "posting_idempotency_keys": {"client_id": CLIENT, "key": "pedido-1001", "request_hash": b"hash"},
    "status_updates": {
        "id": UUID(int=10),
        "posting_id": POSTING,
        "client_id": CLIENT,
        "status": "shipped",
    },
    "status_history": {
        "posting_id": POSTING,
        "seq": 2,
        "client_id": CLIENT,
        "update_id": UUID(int=10),
        "occurred_at": LATER,
        "status": "shipped",
    },
    "test_clients": {"account_id": CLIENT, "client_id": UUID(int=2)},
    "simulations": {"posting_id": 2**62, "scenario": "delivered", "pace_seconds": 5},
    "audit_log": {"id": UUID(int=20), "actor_id": CLIENT, "action": "client.changed", "client_id": CLIENT},
    "webhook_endpoints": {
        "id": UUID(int=20),
        "client_id": CLIENT,
        "place": 1,
        "url": "https://loja.example/webhooks",
        "event_types": ["posting.created"],
        "secret": b"sealed",
    },
    "webhook_deliveries": {
        "id": UUID(int=30),
        "client_id": CLIENT,
        "endpoint_id": UUID(int=20),
        "type": "posting.created",
        "posting_id": POSTING,
        "step": 1,
        "posting_status": "pending",
    },
    "webhook_attempts": {
        "delivery_id": UUID(int=30),
        "number": 1,
        "client_id": CLIENT,
        "started_at": LATER,
        "duration_ms": 12,
        "status": 200,
    },
    "tracking_code_key": {"round_1": 1, "round_2": 2, "round_3": 3, "round_4": 4},
}
"""A row of each table that fits beside what add_known_rows wrote (of the first two: what it wrote)."""

FIRST_STEP: Final[Mapping[str, Any]] = {"seq": 1, "update_id": None, "status": "pending", "occurred_at": POSTED}
ANOTHER: Final[Mapping[str, Mapping[str, Any]]] = {
    "clients": {"id": UUID(int=2), "email": "outra@lojaazul.com.br"},
    "postings": {"id": 1, "tracking_code": "RR473124829GB"},
}
"""What makes a second client or posting of the valid row."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that a constraint keeps out, and in a few words what is wrong with it; `after` is a row that is let in before it."""

    constraint: str
    wrong: str
    table: str
    changes: Mapping[str, object]
    after: Mapping[str, object] | None = None

    @override
    def __str__(self) -> str:
        return self.wrong.replace(" ", "_")


async def insert(connection: Connection, table: str, changes: Mapping[str, object]) -> None:
    """Insert the valid row of the table, with these changes."""
    row = {**VALID[table], **changes}
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())  # noqa: S608


async def add_known_rows(connection: Connection) -> None:
    """A client with a posting that has its first step."""
    await insert(connection, "clients", {})
    await insert(connection, "postings", {})
    await insert(connection, "status_history", FIRST_STEP)


async def assert_refused(connection: Connection, case: Refused) -> None:
    """PostgreSQL refuses the row, and by this very constraint."""
    if case.after is not None:
        await insert(connection, case.table, case.after)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await insert(connection, case.table, case.changes)
    assert refused.value.constraint_name == case.constraint
