"""The demo's parcels."""

from collections import Counter

import pytest

from app.replay.orders import COLUMNS
from app.replay.sample import PARCELS, SELLERS, sample_csv, sample_orders
from app.replay.script import updates_of


def test_the_same_seed_gives_the_same_file_and_another_seed_another() -> None:
    assert sample_csv(7) == sample_csv(7) != sample_csv(8)


def test_the_sample_has_the_columns_of_an_orders_file() -> None:
    assert sample_csv(7).splitlines()[0] == ",".join(COLUMNS)


@pytest.mark.parametrize("seed", range(20))
def test_every_sample_has_the_same_number_of_parcels_sellers_and_updates(seed: int) -> None:
    orders = sample_orders(seed)
    updates = Counter(update.status for order in orders for update in updates_of(order))
    assert len(orders) == PARCELS == 200
    assert len({order.seller_id for order in orders}) == SELLERS == 20
    assert len({order.reference for order in orders}) == PARCELS
    assert updates == {"shipped": 174, "delivered": 152, "cancelled": 14}


@pytest.mark.parametrize("seed", range(20))
def test_exactly_two_parcels_have_times_that_cannot_be_true(seed: int) -> None:
    orders = sample_orders(seed)
    early = [order for order in orders if order.shipped_at and order.shipped_at < order.posted_at]
    backwards = [o for o in orders if o.shipped_at and o.delivered_at and o.delivered_at < o.shipped_at]
    assert len(early) == len(backwards) == 1
    assert backwards[0].delivered_at is not None
    assert backwards[0].delivered_at > backwards[0].posted_at, "else two of its updates would be refused"
    assert early[0] is not backwards[0]
