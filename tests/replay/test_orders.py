"""Orders files: what is read from them, and the sentence for each that cannot be read."""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.replay.errors import ReplayError
from app.replay.orders import COLUMNS, Order, Place, parse_orders, read_orders
from app.replay.script import updates_of

REAL_ORDERS = Path(__file__).parents[3] / "shared" / "data" / "orders.csv"
HEADER = ",".join(COLUMNS)
ROW = (
    "2e7a8482,1554a685,monte siao,MG,37580,sao jose dos campos,SP,01021,2,3200,10752,72.89,63.3,shipped,"
    "2016-09-04T21:15:19-03:00,2016-10-18T13:14:51-03:00,,2016-10-20"
)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "orders.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def read(*lines: str) -> list[Order]:
    return parse_orders([f"{line}\n" for line in lines], source="orders.csv")


def with_value(column: str, value: str) -> str:
    values = ROW.split(",")
    values[COLUMNS.index(column)] = value
    return ",".join(values)


def test_a_row_becomes_an_order(tmp_path: Path) -> None:
    assert read_orders(write(tmp_path, HEADER, ROW)) == [
        Order(
            reference="2e7a8482",
            seller_id="1554a685",
            sender=Place("Monte Siao", "MG", "37580000"),
            recipient=Place("Sao Jose dos Campos", "SP", "01021000"),
            items=2,
            weight_g=3200,
            volume_cm3=10752,
            declared_value=Decimal("72.89"),
            freight_paid=Decimal("63.30"),
            order_status="shipped",
            posted_at=datetime.fromisoformat("2016-09-04T21:15:19-03:00"),
            shipped_at=datetime.fromisoformat("2016-10-18T13:14:51-03:00"),
            delivered_at=None,
            estimated_delivery=date(2016, 10, 20),
        )
    ]


def test_times_keep_the_offset_they_were_written_with() -> None:
    assert read(HEADER, ROW)[0].posted_at.utcoffset() == timedelta(hours=-3)


def test_columns_may_stand_in_any_order_among_others() -> None:
    names, values = ["note", *reversed(COLUMNS)], ["x", *reversed(ROW.split(","))]
    assert read(",".join(names), ",".join(values)) == read(HEADER, ROW)


def test_a_byte_order_mark_and_windows_line_ends_are_read_over(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{ROW}\r\n".encode())
    assert read_orders(path) == read(HEADER, ROW)


def test_a_city_written_with_capitals_stays_as_it_is() -> None:
    assert read(HEADER, with_value("sender_city", "São João del-Rei"))[0].sender.city == "São João del-Rei"


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("posted_at", "", "line 3: posted_at is empty but must be a time with an offset"),
        ("posted_at", "2016-09-04T21:15:19", "posted_at is '2016-09-04T21:15:19' but must be a time with an offset"),
        ("shipped_at", "yesterday", "shipped_at is 'yesterday' but must be a time with an offset"),
        ("estimated_delivery", "20/10/2016", "estimated_delivery is '20/10/2016' but must be a date"),
        ("weight_g", "0", "weight_g is '0' but must be a whole number above zero"),
        ("weight_g", "1.5", "weight_g is '1.5' but must be a whole number above zero"),
        ("declared_value", "1e3", "declared_value is '1e3' but must be an amount"),
        ("sender_zip_prefix", "1310", "sender_zip_prefix is '1310' but must be the first five digits of a CEP"),
        ("recipient_state", "sp", "recipient_state is 'sp' but must be a UF"),
        ("reference", "", "reference is empty but must be a name"),
        ("recipient_city", " ", "recipient_city is empty but must be the name of a city"),
    ],
)
def test_a_bad_value_is_named_with_its_line_and_column(column: str, value: str, complaint: str) -> None:
    with pytest.raises(ReplayError) as refused:
        read(HEADER, ROW.replace("2e7a8482", "another"), with_value(column, value))
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "orders.csv is empty"),
        ([HEADER], "orders.csv holds no orders"),
        ([HEADER.replace("weight_g", "weight"), ROW], "line 1: the column weight_g must be there"),
        (["a,b", "1,2"], "line 1: the columns reference, seller_id, "),
        ([HEADER, ROW + ",more"], "line 2: more values than columns"),
        ([HEADER, "only"], "line 2: seller_id is empty"),
        ([HEADER, ROW, ROW], "line 3: the reference '2e7a8482' of this seller already stands in line 2"),
        ([HEADER, '"open'], "line 2: not readable as CSV"),
    ],
)
def test_a_file_that_holds_no_orders_is_refused_in_one_sentence(lines: list[str], complaint: str) -> None:
    with pytest.raises(ReplayError) as refused:
        read(*lines)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_sellers_may_use_the_same_reference() -> None:
    assert len(read(HEADER, ROW, with_value("seller_id", "somebody else"))) == 2


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_opened_is_refused_with_its_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReplayError, match="cannot be read"):
        read_orders(tmp_path / name)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReplayError, match="not a UTF-8 text file"):
        read_orders(path)


@pytest.mark.skipif(not REAL_ORDERS.exists(), reason="the real orders are not part of the project")
def test_the_real_orders_give_the_updates_that_their_description_counts() -> None:
    orders = read_orders(REAL_ORDERS)
    updates = [update for order in orders for update in updates_of(order)]
    assert len(orders) == 3680
    assert Counter(update.status for update in updates) == {"shipped": 3183, "delivered": 2586, "cancelled": 202}
