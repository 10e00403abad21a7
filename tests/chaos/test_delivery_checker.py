"""The checker of webhooks turns red for each way of breaking their promise, and stays green where it was kept."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from app.core.webhook_signing import new_secret, sign
from chaos.delivery_checker import check_deliveries
from chaos.facts import Posting, Recorded
from chaos.ledger import Entry, Received, Subscribed
from chaos.model import Step

CODE: Final = "ZP473124829BR"
POSTED: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATH: Final = "/well/client-0"
SECRET: Final = new_secret()


def received(
    step: int, kind: str, status: str, *, at: float, secret: str = SECRET, message: str = "", answer: int = 204
) -> Received:
    """An attempt to deliver this step."""
    data = {"tracking_code": CODE, "step": step, "posting_status": status}
    body = json.dumps({"type": f"posting.{kind}", "data": data})
    message = message or f"msg_{step}"
    headers = sign([secret], message, POSTED, body.encode())
    return Received(PATH, message, headers["webhook-timestamp"], headers["webhook-signature"], body, answer, at, "well")


CREATED: Final = received(1, "created", "pending", at=1)
SHIPPED: Final = received(2, "status_changed", "shipped", at=2)
ENTRIES: Final = (Subscribed(PATH, "client-0", SECRET), CREATED, SHIPPED)


def kinds(*entries: Entry) -> set[str]:
    """What is found when this came."""
    steps = [Recorded(1, None, Step("pending", POSTED)), Recorded(2, "a", Step("shipped", POSTED))]
    posting = Posting(CODE, "shipped", POSTED, 2, "client-0-1", [], steps)
    return {kind for kind, _ in check_deliveries(entries, [posting])}


def test_what_came_once_or_twice_under_one_id_is_clean() -> None:
    assert kinds(*ENTRIES) == set()
    assert kinds(*ENTRIES, replace(SHIPPED, at=3)) == set()


@pytest.mark.parametrize(
    ("kind", "entries"),
    [
        ("not delivered", ENTRIES[:2]),
        ("not delivered", (*ENTRIES[:2], replace(SHIPPED, status=500))),
        ("wrong deliveries", (*ENTRIES, received(2, "status_changed", "shipped", at=3, message="msg_other"))),
        ("wrong deliveries", (*ENTRIES, received(2, "status_changed", "shipped", at=3, secret=new_secret()))),
        ("wrong deliveries", (*ENTRIES, received(3, "scanned", "shipped", at=3))),
        ("wrong deliveries", (*ENTRIES[:2], received(2, "scanned", "shipped", at=2))),
        ("wrong deliveries", (*ENTRIES, replace(SHIPPED, path="/well/nobody"))),
        ("delivered out of order", (*ENTRIES[:1], SHIPPED, replace(CREATED, at=3))),
    ],
)
def test_a_broken_promise_is_found(kind: str, entries: tuple[Entry, ...]) -> None:
    assert kind in kinds(*entries)
