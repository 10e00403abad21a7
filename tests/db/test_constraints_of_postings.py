"""What PostgreSQL itself refuses of postings, whoever asks."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from tests.db.rows import ANOTHER, CLIENT, EARLIER, LATER, POSTED, POSTING, Connection, Refused, assert_refused, insert


def _refused(constraint: str, wrong: str, *, after: dict[str, Any] | None = None, **changes: Any) -> Refused:
    row = {**ANOTHER["postings"], **changes}
    return Refused(f"postings_{constraint}", wrong, "postings", row, after=after and {**ANOTHER["postings"], **after})


_SHIPPED: Final[dict[str, Any]] = {"status": "shipped", "status_at": LATER, "shipped_at": LATER}
_SIDES: Final[dict[str, Any]] = {"length_cm": 30, "width_cm": 20, "height_cm": 12}

REFUSED: Final = (
    _refused("pkey", "a number given twice", id=POSTING),
    _refused("client_id_fkey", "a client that does not exist", client_id=UUID(int=2)),
    _refused("tracking_code_key", "a tracking code given twice", tracking_code="ZP473124829BR"),
    _refused("tracking_code_digit", "a wrong check digit", tracking_code="RR123456789CN"),
    _refused("tracking_code_digit", "two digits swapped", tracking_code="ZP473214829BR"),
    _refused("tracking_code_digit", "the digit 0 where it is 5", tracking_code="AB000000000IE"),
    _refused("tracking_code_shape", "a tracking code in small letters", tracking_code="zp473124829br"),
    _refused("tracking_code_shape", "a digit in the prefix", tracking_code="Z1473124829BR"),
    _refused("tracking_code_shape", "a tracking code that goes on", tracking_code="ZP473124829BRA"),
    _refused("tracking_code_shape", "a line break behind the tracking code", tracking_code="ZP473124829BR\n"),
    _refused(
        "client_id_reference_key",
        "a reference given twice by one client",
        after={"reference": "pedido-1001"},
        id=2,
        tracking_code="PH297898690BR",
        reference="pedido-1001",
    ),
    _refused("reference_length", "an empty reference", reference=""),
    _refused("reference_length", "a long reference", reference="a" * 101),
    _refused("description_length", "an empty description", description=""),
    _refused("description_length", "a long description", description="a" * 501),
    _refused("weight_positive", "no weight", weight_g=0),
    _refused("weight_positive", "a negative weight", weight_g=-1),
    _refused("volume_positive", "no volume", volume_cm3=0),
    _refused("volume_positive", "a negative volume", volume_cm3=-1),
    _refused("sides_all_or_none", "one side", length_cm=7200),
    _refused("sides_all_or_none", "two sides", length_cm=7200, width_cm=1),
    _refused("sides_positive", "a side of no length", **{**_SIDES, "length_cm": 0}),
    _refused("sides_positive", "two negative sides", **{**_SIDES, "length_cm": -30, "width_cm": -20}),
    _refused("volume_is_of_its_sides", "a volume that its sides do not have", **_SIDES, volume_cm3=7201),
    _refused("declared_value_not_negative", "a negative value", declared_value=Decimal("-0.01")),
    _refused("declared_value_not_negative", "a value that is no number", declared_value=Decimal("NaN")),
    _refused("freight_price_not_negative", "a negative price", freight_price=Decimal("-0.01")),
    _refused("freight_price_not_negative", "a price that is no number", freight_price=Decimal("NaN")),
    _refused("service_shape", "an empty service", service=""),
    _refused("service_shape", "a service in capitals", service="Standard"),
    _refused("service_shape", "a long service", service="a" * 41),
    _refused("sender_placed", "a sender without a place", sender="{}"),
    _refused("sender_placed", "a sender who is a text", sender='"Ana"'),
    _refused("sender_placed", "a sender without a CEP", sender='{"city": "Campinas", "uf": "SP"}'),
    _refused("sender_placed", "a CEP with a hyphen", sender='{"cep": "13010-100", "city": "Campinas", "uf": "SP"}'),
    _refused("recipient_placed", "a recipient without a place", recipient="null"),
    _refused("recipient_placed", "a recipient without a city", recipient='{"cep": "13010100", "uf": "SP"}'),
    _refused("recipient_placed", "an empty city", recipient='{"cep": "13010100", "city": "", "uf": "SP"}'),
    _refused("recipient_placed", "a long UF", recipient='{"cep": "13010100", "city": "Campinas", "uf": "SPX"}'),
    _refused("metadata_object", "metadata that are a list", metadata="[]"),
    _refused("metadata_object", "metadata that are null", metadata="null"),
    _refused("step_count_positive", "no step at all", step_count=0),
    _refused("status_known", "an unknown status", status="lost"),
    _refused("status_at_sane", "a last step before it was posted", status_at=EARLIER),
    _refused("shipped_has_shipped_at", "shipped at no time", status="shipped"),
    _refused("cancelled_was_not_shipped", "cancelled after shipping", **{**_SHIPPED, "status": "cancelled"}),
    _refused("shipped_at_sane", "shipped before it was posted", **{**_SHIPPED, "shipped_at": EARLIER}),
    _refused(
        "shipped_at_sane", "shipped after its last step", **{**_SHIPPED, "shipped_at": LATER + timedelta(seconds=1)}
    ),
)


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_no_posting_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)


async def test_two_clients_may_use_the_same_reference(known: Connection) -> None:
    await insert(known, "clients", ANOTHER["clients"])
    await insert(known, "postings", {**ANOTHER["postings"], "reference": "pedido-1001"})
    other = {"id": 2, "tracking_code": "PH297898690BR", "client_id": ANOTHER["clients"]["id"]}
    await insert(known, "postings", {**other, "reference": "pedido-1001"})


@pytest.mark.parametrize("code", ["EE876543216CA", "RR473124829GB", "AB123100000IE", "AB000000005IE", "PH297898690BR"])
async def test_a_code_with_the_right_check_digit_is_taken(known: Connection, code: str) -> None:
    await insert(known, "postings", {**ANOTHER["postings"], "tracking_code": code})


@pytest.mark.parametrize("status", ["delivered", "returned", "cancelled"])
async def test_a_posting_in_a_final_status_is_finished_at_its_last_step(known: Connection, status: str) -> None:
    await insert(known, "postings", {**ANOTHER["postings"], "status": status, "status_at": LATER})
    row = await known.fetchrow("SELECT finished_at, delivered_at FROM postings WHERE id = 1")
    assert row is not None
    assert tuple(row) == (LATER, LATER if status == "delivered" else None)


@pytest.mark.parametrize("row", [{}, _SHIPPED], ids=["pending", "shipped"])
async def test_a_posting_under_way_is_not_finished(known: Connection, row: dict[str, object]) -> None:
    await insert(known, "postings", {**ANOTHER["postings"], **row})
    assert await known.fetchval("SELECT finished_at FROM postings WHERE id = 1") is None


@pytest.mark.parametrize("column", ["finished_at", "delivered_at"])
async def test_nobody_can_say_that_a_posting_is_finished_but_by_its_status(known: Connection, column: str) -> None:
    with pytest.raises(asyncpg.GeneratedAlwaysError):
        await insert(known, "postings", {**ANOTHER["postings"], column: POSTED})


async def test_a_posting_with_a_history_cannot_be_deleted(known: Connection) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refused:
        await known.execute("DELETE FROM postings WHERE id = $1", POSTING)
    assert refused.value.constraint_name == "status_history_first_step_has_posting"


async def test_a_client_with_postings_cannot_be_deleted(known: Connection) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refused:
        await known.execute("DELETE FROM clients WHERE id = $1", CLIENT)
    assert refused.value.constraint_name == "postings_client_id_fkey"
