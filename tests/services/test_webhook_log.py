"""The log of webhook deliveries: each filter finds what it is asked for, and nothing of anybody else."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest

from app.db.database import Database
from app.models.clients import Caller
from app.models.webhooks import WebhookDeliveryQuery
from app.services.webhook_log_service import list_deliveries
from tests.db.rows import ANOTHER, CLIENT, LATER, Connection, add_known_rows, insert

_OTHER: Final = UUID(int=2)
_STEP: Final = {"type": "posting.created", "posting_id": 0, "step": 1, "posting_status": "pending"}
_REFUSAL: Final = {
    **_STEP,
    "type": "status_update.refused",
    "update_id": UUID(int=10),
    "refusal": "out_of_sequence",
}
_FAILED: Final = {"state": "failed", "attempts": 1, "due_at": None, "finished_at": LATER}
_MINE, _THEIRS, _NOBODYS = "ZP473124829BR", "RR473124829GB", "ZP000000015BR"


@pytest.fixture
async def log(database: Database, connection: Connection) -> Database:
    """A client with two endpoints and one that is deleted; somebody else has an endpoint and a posting too."""
    await add_known_rows(connection)
    await insert(connection, "clients", ANOTHER["clients"])
    await insert(connection, "postings", {**ANOTHER["postings"], "client_id": _OTHER})
    await insert(
        connection,
        "status_history",
        {"posting_id": 1, "client_id": _OTHER, "seq": 1, "update_id": None, "status": "pending", "occurred_at": LATER},
    )
    await insert(connection, "status_updates", {})
    await insert(connection, "webhook_endpoints", {})
    await insert(connection, "webhook_endpoints", {"id": UUID(int=21), "place": 2})
    await insert(connection, "webhook_endpoints", {"id": UUID(int=22), "place": 3})
    await insert(connection, "webhook_endpoints", {"id": UUID(int=23), "client_id": _OTHER})
    await _owe(connection, 31, **_STEP)
    await _owe(connection, 32, **_STEP, **_FAILED, endpoint_id=UUID(int=21))
    await _owe(connection, 33, **_REFUSAL)
    await _owe(connection, 34, **_REFUSAL, **_FAILED)
    await _owe(connection, 35)
    await _owe(connection, 36, **_FAILED)
    await _owe(connection, 37, **_STEP, **_FAILED, endpoint_id=UUID(int=22))
    await _owe(connection, 38, **{**_STEP, "posting_id": 1}, **_FAILED, endpoint_id=UUID(int=23), client_id=_OTHER)
    await connection.execute(
        "UPDATE webhook_endpoints SET place = NULL, deleted_at = $1, enabled = false, disabled_reason = 'by_owner', disabled_at = $1"
        " WHERE id = $2",
        *(datetime.now(UTC), UUID(int=22)),
    )
    return database


async def _owe(connection: Connection, number: int, **changes: Any) -> None:
    row = {"id": UUID(int=number), "type": "webhook.test", "posting_id": None, "step": None, "posting_status": None}
    await insert(connection, "webhook_deliveries", {**row, **changes})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [36, 35, 34, 33, 32, 31]),
        ({"state": "failed"}, [36, 34, 32]),
        ({"state": "failed", "type": "webhook.test"}, [36]),
        ({"state": "failed", "endpoint_id": UUID(int=21)}, [32]),
        ({"state": "waiting"}, [35, 33, 31]),
        ({"tracking_code": _MINE}, [34, 33, 32, 31]),
        ({"tracking_code": _MINE.lower(), "state": "failed"}, [34, 32]),
        ({"tracking_code": _MINE, "type": "status_update.refused"}, [34, 33]),
        ({"tracking_code": _MINE, "endpoint_id": UUID(int=21)}, [32]),
        ({"tracking_code": _THEIRS}, []),
        ({"tracking_code": _NOBODYS}, []),
    ],
)
async def test_each_filter_finds_its_own_the_newest_first(
    log: Database, query: dict[str, Any], found: list[int]
) -> None:
    caller = Caller(id=CLIENT, role="client")
    page = await list_deliveries(log.reader, caller, WebhookDeliveryQuery(**query))
    assert [delivery.id.int for delivery in page.deliveries] == found
    numbers: list[int] = []
    cursor = None
    while True:
        page = await list_deliveries(log.reader, caller, WebhookDeliveryQuery(**query, limit=1, cursor=cursor))
        numbers += [delivery.id.int for delivery in page.deliveries]
        if (cursor := page.next_cursor) is None:
            break
    assert numbers == found
