"""Turns orders into what the API is sent: postings, status updates, and the order of sending."""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from app.replay.orders import Order, Place

STEPS: Final = ("pending", "shipped", "delivered", "cancelled")
"""Where one parcel's updates have the same time, this is the order in which they can follow each other."""


@dataclass(frozen=True, slots=True)
class Update:
    """A wish for one parcel; without `occurred_at` the moment of its acceptance stands for it."""

    seller_id: str
    reference: str
    status: str
    occurred_at: datetime | None
    place: Place | None

    def key(self, run: str) -> str:
        """The Idempotency-Key: the same in every repetition of the same run, and in no other run."""
        return f"{run}-{plain(self.reference)}-{self.status}"

    def body(self) -> dict[str, Any]:
        """The JSON of `PATCH …/status`."""
        body: dict[str, Any] = {"status": self.status}
        if self.occurred_at is not None:
            body["occurred_at"] = self.occurred_at.isoformat()
        if self.place is not None:
            body |= {"city": self.place.city, "uf": self.place.uf}
        return body


def plain(name: str) -> str:
    """The name as it can stand in an HTTP header: itself, or its digest where it holds anything unusual."""
    if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        return name
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def posting(order: Order) -> dict[str, Any]:
    """The JSON that creates this order's posting."""
    return {
        "reference": order.reference,
        "description": f"{order.items} item" + ("s" if order.items > 1 else ""),
        "weight_g": order.weight_g,
        "volume_cm3": order.volume_cm3,
        "declared_value": str(order.declared_value),
        "sender": _party(f"Vendedor {order.seller_id[:8]}", order.sender),
        "recipient": _party(f"Destinatário {order.reference[:8]}", order.recipient),
        "metadata": {"items": order.items, "freight_paid": str(order.freight_paid)},
        "posted_at": order.posted_at.isoformat(),
        "estimated_delivery": order.estimated_delivery.isoformat(),
    }


def _party(name: str, place: Place) -> dict[str, str]:
    return {"name": name, "cep": place.cep, "city": place.city, "uf": place.uf}


def updates_of(order: Order) -> list[Update]:
    """What happened to the parcel: shipped, delivered, or cancelled before it was shipped."""
    updates: list[Update] = []

    def add(status: str, occurred_at: datetime | None, place: Place | None) -> None:
        updates.append(Update(order.seller_id, order.reference, status, occurred_at, place))

    if order.shipped_at is not None:
        add("shipped", order.shipped_at, order.sender)
    if order.delivered_at is not None:
        add("delivered", order.delivered_at, order.recipient)
    if order.order_status == "canceled" and order.shipped_at is None:
        add("cancelled", None, None)
    return updates


def in_time_order(updates: Sequence[Update]) -> list[Update]:
    """The updates as the world saw them; those without a time happen now, so they come last."""
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(updates, key=lambda update: (update.occurred_at or never, STEPS.index(update.status)))


def with_repetitions(updates: Sequence[Update], share: float, chance: random.Random) -> list[Update]:
    """The updates in their order, and a share of them a second time at random places among them."""
    repeated = chance.sample(updates, round(len(updates) * share))
    placed = [(float(place), update) for place, update in enumerate(updates)]
    placed += [(chance.uniform(0, len(updates)), update) for update in repeated]
    return [update for _, update in sorted(placed, key=lambda pair: pair[0])]


def sending_order(updates: Sequence[Update], *, shuffle: bool, duplicate: float, chance: random.Random) -> list[Update]:
    """Every update once and `duplicate` of them twice, in time order or shuffled."""
    sends = in_time_order(updates)
    if shuffle:
        chance.shuffle(sends)
    return with_repetitions(sends, duplicate, chance)
