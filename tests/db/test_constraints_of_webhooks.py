"""What PostgreSQL itself refuses of webhooks, whoever asks."""

from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from tests.db.rows import LATER, Connection, Refused, assert_refused, insert

_OFF: Final[dict[str, Any]] = {"enabled": False, "disabled_reason": "by_owner", "disabled_at": LATER}
_DELETED: Final[dict[str, Any]] = {**_OFF, "place": None, "deleted_at": LATER}
_TEST: Final[dict[str, Any]] = {"type": "webhook.test", "posting_id": None, "step": None, "posting_status": None}
_REFUSAL: Final[dict[str, Any]] = {
    "type": "status_update.refused",
    "update_id": UUID(int=10),
    "refusal": "out_of_sequence",
}
_DELIVERED: Final[dict[str, Any]] = {"state": "delivered", "attempts": 1, "due_at": None, "finished_at": LATER}


def _endpoint(constraint: str, wrong: str, *, after: dict[str, Any] | None = None, **changes: Any) -> Refused:
    return Refused(f"webhook_endpoints_{constraint}", wrong, "webhook_endpoints", changes, after=after)


def _delivery(constraint: str, wrong: str, *, after: dict[str, Any] | None = None, **changes: Any) -> Refused:
    return Refused(f"webhook_deliveries_{constraint}", wrong, "webhook_deliveries", changes, after=after)


def _attempt(constraint: str, wrong: str, *, after: dict[str, Any] | None = None, **changes: Any) -> Refused:
    return Refused(f"webhook_attempts_{constraint}", wrong, "webhook_attempts", changes, after=after)


ENDPOINTS: Final = (
    _endpoint("pkey", "an id given twice", after={}, place=2),
    _endpoint("client_id_fkey", "a client that does not exist", client_id=UUID(int=2)),
    _endpoint("at_most_ten", "a place taken twice", after={}, id=UUID(int=21)),
    _endpoint("place_known", "an eleventh place", place=11),
    _endpoint("place_known", "a place before the first", place=0),
    _endpoint("deleted_has_no_place", "no place", place=None),
    _endpoint("deleted_has_no_place", "a place though deleted", **{**_DELETED, "place": 1}),
    _endpoint("deleted_is_disabled", "events though deleted", place=None, deleted_at=LATER),
    _endpoint("url_shape", "another scheme", url="ftp://loja.example/"),
    _endpoint("url_shape", "a long address", url=f"https://loja.example/{'a' * 2000}"),
    _endpoint("description_length", "an empty description", description=""),
    _endpoint("description_length", "a long description", description="a" * 501),
    _endpoint("event_types_known", "nothing to hear of", event_types=[]),
    _endpoint("event_types_known", "an unknown event", event_types=["posting.lost"]),
    _endpoint("statuses_known", "no status at all", statuses=[]),
    _endpoint("statuses_known", "an unknown status", statuses=["lost"]),
    _endpoint("disabled_has_reason", "no reason to be disabled", enabled=False, disabled_at=LATER),
    _endpoint("disabled_has_reason", "no time of being disabled", enabled=False, disabled_reason="gone"),
    _endpoint("disabled_has_reason", "a reason while enabled", disabled_reason="gone"),
    _endpoint("disabled_reason_known", "an unknown reason", **{**_OFF, "disabled_reason": "mood"}),
    _endpoint("pause_ends", "a pause for ever", paused_at=LATER),
    _endpoint("pause_ends", "a pause without a beginning", paused_until=LATER),
    _endpoint("previous_secret_ends", "an old secret for ever", previous_secret=b"old"),
    _endpoint("previous_secret_ends", "an end of no old secret", previous_secret_until=LATER),
)
DELIVERIES: Final = (
    _delivery("pkey", "an id given twice", after={}, **_TEST),
    _delivery("endpoint_id_fkey", "an endpoint that does not exist", endpoint_id=UUID(int=2)),
    _delivery("step_exists", "a step that does not exist", step=7),
    _delivery("update_id_fkey", "an update that does not exist", **{**_REFUSAL, "update_id": UUID(int=11)}),
    _delivery("type_known", "an unknown type", type="posting.lost"),
    _delivery("posting_unless_test", "no posting", posting_id=None, step=None, posting_status=None),
    _delivery("posting_unless_test", "no step", step=None),
    _delivery("posting_unless_test", "a posting though a test", type="webhook.test"),
    _delivery("posting_status_known", "an unknown status", posting_status="lost"),
    _delivery("refused_has_update", "no update though refused", type="status_update.refused"),
    _delivery("refused_has_update", "an update though created", update_id=UUID(int=10)),
    _delivery("refused_has_update", "a refusal though created", refusal="out_of_sequence"),
    _delivery("refusal_shape", "a sentence as reason", **{**_REFUSAL, "refusal": "Out of sequence."}),
    _delivery("state_known", "an unknown state", state="lost", attempts=1, due_at=None, finished_at=LATER),
    _delivery("unfinished_is_due", "waiting for ever", due_at=None),
    _delivery("unfinished_is_due", "an end while it waits", finished_at=LATER),
    _delivery("unfinished_is_due", "an end at no time", **{**_DELIVERED, "finished_at": None}),
    _delivery("unfinished_is_due", "a next attempt after the end", **{**_DELIVERED, "due_at": LATER}),
    _delivery("sent_has_attempt", "an end without an attempt", **{**_DELIVERED, "attempts": 0}),
    _delivery("sent_has_attempt", "a sending without an attempt", state="sending"),
    _delivery("counts_sane", "more failures than attempts", failures=1),
    _delivery("counts_sane", "fewer failures than none", failures=-1),
)
ATTEMPTS: Final = (
    _attempt("pkey", "a number given twice", after={}),
    _attempt("delivery_id_fkey", "a delivery that does not exist", delivery_id=UUID(int=2)),
    _attempt("number_positive", "the number 0", number=0),
    _attempt("duration_not_negative", "an end before the beginning", duration_ms=-1),
    _attempt("status_sane", "a status of two digits", status=99),
    _attempt("status_or_failure", "neither an answer nor a reason", status=None),
    _attempt("failure_length", "an empty reason", failure=""),
    _attempt("failure_length", "a long reason", failure="a" * 501),
    _attempt("body_start_length", "a long body", body_start="a" * 1001),
)
REFUSED: Final = (*ENDPOINTS, *DELIVERIES, *ATTEMPTS)


@pytest.mark.parametrize("case", ENDPOINTS, ids=str)
async def test_no_endpoint_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)


@pytest.mark.parametrize("case", DELIVERIES, ids=str)
async def test_no_delivery_can_have(known: Connection, case: Refused) -> None:
    await insert(known, "webhook_endpoints", {})
    await insert(known, "status_updates", {})
    await assert_refused(known, case)


@pytest.mark.parametrize("case", ATTEMPTS, ids=str)
async def test_no_attempt_can_have(known: Connection, case: Refused) -> None:
    await insert(known, "webhook_endpoints", {})
    await insert(known, "webhook_deliveries", {})
    await assert_refused(known, case)


@pytest.mark.parametrize("row", [{}, _OFF, _DELETED, {"statuses": ["delivered"]}])
async def test_an_endpoint_may_be(known: Connection, row: dict[str, object]) -> None:
    await insert(known, "webhook_endpoints", row)


@pytest.mark.parametrize("row", [{}, _TEST, _REFUSAL, _DELIVERED, {"state": "sending", "attempts": 1}])
async def test_a_delivery_may_be(known: Connection, row: dict[str, object]) -> None:
    await insert(known, "webhook_endpoints", {})
    await insert(known, "status_updates", {})
    await insert(known, "webhook_deliveries", row)


async def test_a_step_owes_an_endpoint_only_one_delivery(known: Connection) -> None:
    await insert(known, "webhook_endpoints", {})
    await insert(known, "webhook_deliveries", {})
    with pytest.raises(asyncpg.UniqueViolationError, match="webhook_deliveries_step_once"):
        await insert(known, "webhook_deliveries", {"id": UUID(int=31), "type": "posting.scanned"})


async def test_after_the_same_step_several_updates_may_be_refused(known: Connection) -> None:
    await insert(known, "webhook_endpoints", {})
    await insert(known, "status_updates", {})
    for number in (30, 31):
        await insert(known, "webhook_deliveries", {**_REFUSAL, "id": UUID(int=number)})


async def test_deleted_endpoints_take_no_place(known: Connection) -> None:
    for number in (20, 21):
        await insert(known, "webhook_endpoints", {**_DELETED, "id": UUID(int=number)})
    await insert(known, "webhook_endpoints", {"id": UUID(int=22)})
