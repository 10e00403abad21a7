"""The work of every peer that delivers: read what is owed, sign it, post it, and mark it, in two round trips to PostgreSQL.

A peer gets the secret for nothing, which the product has to decrypt, and gives nothing that the product gives: it knows no order of a
posting's events, no retry, no endpoint that must not delay another, and posts wherever it is told to.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, LiteralString

DATABASE_URL: Final = os.environ.get("DATABASE_URL", "")
REDIS_URL: Final = os.environ.get("REDIS_URL", "")
_KEY: Final = base64.b64decode(os.environ.get("WEBHOOK_SECRET", "").removeprefix("whsec_"))

# $1 the delivery.
SELECT_OWED: Final[LiteralString] = """
SELECT delivery.type, delivery.created_at, delivery.posting_status, delivery.step, url, tracking_code, reference,
       recorded.status, recorded.occurred_at, recorded_at, recorded.city, recorded.uf, recorded.description
  FROM webhook_deliveries AS delivery
  JOIN webhook_endpoints AS endpoint ON endpoint.id = endpoint_id
  JOIN postings ON postings.id = delivery.posting_id
  JOIN status_history AS recorded ON recorded.posting_id = delivery.posting_id AND recorded.seq = delivery.step
 WHERE delivery.id = $1
"""

# $1 the delivery, $2 when it was sent, $3 how long that took in milliseconds, $4 the answer.
MARK_DELIVERED: Final[LiteralString] = """
WITH ended AS (
    UPDATE webhook_deliveries
       SET state = 'delivered', attempts = 1, due_at = NULL, finished_at = statement_timestamp()
     WHERE id = $1
    RETURNING id, client_id
)
INSERT INTO webhook_attempts (delivery_id, number, client_id, started_at, duration_ms, status)
SELECT id, 1, client_id, $2, $3, $4 FROM ended
"""


def body(owed: Mapping[str, Any]) -> bytes:
    """What is posted."""
    names = (
        "tracking_code",
        "reference",
        "posting_status",
        "step",
        "status",
        "occurred_at",
        "recorded_at",
        "city",
        "uf",
    )
    data = {name: owed[name] for name in (*names, "description")}
    event = {"type": owed["type"], "timestamp": owed["created_at"], "data": data}
    return json.dumps(event, default=datetime.isoformat).encode()


def headers(delivery_id: str, at: datetime, posted: bytes) -> dict[str, str]:
    """Those of Standard Webhooks."""
    signed = f"{delivery_id}.{int(at.timestamp())}.".encode() + posted
    signature = base64.b64encode(hmac.digest(_KEY, signed, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,{signature}",
    }
