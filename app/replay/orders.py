"""Reads an orders file: one CSV row is one parcel and what happened to it."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

from app.replay.errors import ReplayError

T = TypeVar("T")

COLUMNS: Final[tuple[str, ...]] = (
    "reference", "seller_id",
    "sender_city", "sender_state", "sender_zip_prefix",
    "recipient_city", "recipient_state", "recipient_zip_prefix",
    "items", "weight_g", "volume_cm3", "declared_value", "freight_paid",
    "order_status", "posted_at", "shipped_at", "delivered_at", "estimated_delivery",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A city with its UF and its eight-digit CEP."""

    city: str
    uf: str
    cep: str


@dataclass(frozen=True, slots=True)
class Order:
    """One parcel: who posted it, from where to where, and when it moved (None: it did not)."""

    reference: str
    seller_id: str
    sender: Place
    recipient: Place
    items: int
    weight_g: int
    volume_cm3: int
    declared_value: Decimal
    freight_paid: Decimal
    order_status: str
    posted_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    estimated_delivery: date


def read_orders(path: Path) -> list[Order]:
    """The orders of a CSV file (UTF-8, a header line first), in the file's order.

    Raises ReplayError when the file is missing, unreadable, empty, or says something that is not an order.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return parse_orders(lines, source=str(path))
    except OSError as error:
        raise ReplayError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ReplayError(f"{path} is not a UTF-8 text file.") from error


def parse_orders(lines: Iterable[str], *, source: str) -> list[Order]:
    """The orders of CSV lines; `source` names them in a ReplayError."""
    reader = csv.DictReader(lines, restval="", strict=True)
    orders: list[Order] = []
    first_seen: dict[tuple[str, str], int] = {}
    try:
        _require_columns(reader.fieldnames or (), source)
        for row in reader:
            order = _order(row, where=f"{source}, line {reader.line_num}")
            earlier = first_seen.setdefault((order.seller_id, order.reference), reader.line_num)
            if earlier != reader.line_num:
                raise ReplayError(
                    f"{source}, line {reader.line_num}: the reference {order.reference!r} of this seller "
                    f"already stands in line {earlier}."
                )
            orders.append(order)
    except csv.Error as error:
        # DictReader's own line_num counts only the lines that could be read.
        raise ReplayError(f"{source}, line {reader.reader.line_num}: not readable as CSV ({error}).") from error
    if not orders:
        raise ReplayError(f"{source} holds no orders.")
    return orders


def _require_columns(found: Iterable[str], source: str) -> None:
    present = set(found)
    if not present:
        raise ReplayError(f"{source} is empty.")
    missing = [column for column in COLUMNS if column not in present]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise ReplayError(f"{source}, line 1: the {noun} {', '.join(missing)} must be there.")


def _order(row: Mapping[str, str], where: str) -> Order:
    if None in row:
        raise ReplayError(f"{where}: more values than columns.")

    def value(column: str, parse: Callable[[str], T]) -> T:
        text = row[column].strip()
        try:
            return parse(text)
        except ValueError as error:
            found = f"is {text!r}" if text else "is empty"
            raise ReplayError(f"{where}: {column} {found} but must be {error}.") from error

    return Order(
        reference=value("reference", _name),
        seller_id=value("seller_id", _name),
        sender=Place(value("sender_city", _city), value("sender_state", _state), value("sender_zip_prefix", _cep)),
        recipient=Place(
            value("recipient_city", _city), value("recipient_state", _state), value("recipient_zip_prefix", _cep)
        ),
        items=value("items", _positive),
        weight_g=value("weight_g", _positive),
        volume_cm3=value("volume_cm3", _positive),
        declared_value=value("declared_value", _money),
        freight_paid=value("freight_paid", _money),
        order_status=value("order_status", _name),
        posted_at=value("posted_at", _moment),
        shipped_at=value("shipped_at", _moment_or_none),
        delivered_at=value("delivered_at", _moment_or_none),
        estimated_delivery=value("estimated_delivery", _day),
    )


def _name(text: str) -> str:
    if not text:
        raise ValueError("a name")
    return text


def _city(text: str) -> str:
    small = {"da", "das", "de", "do", "dos", "e"}
    if not text:
        raise ValueError("the name of a city")
    if text != text.lower():
        return text
    return " ".join(word if word in small else word.title() for word in text.split())


def _state(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError("a UF of two capital letters")
    return text


def _cep(text: str) -> str:
    if not re.fullmatch(r"[0-9]{5}(?:[0-9]{3})?", text):
        raise ValueError("the first five digits of a CEP, or all eight")
    return text.ljust(8, "0")


def _positive(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise ValueError("a whole number above zero")
    return int(text)


def _money(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,2})?", text):
        raise ValueError("an amount such as 72.89")
    return Decimal(text).quantize(Decimal("0.01"))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("a time with an offset, such as 2016-09-04T21:15:19-03:00")
    return moment


def _moment_or_none(text: str) -> datetime | None:
    return _moment(text) if text else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("a date such as 2016-10-20") from error
