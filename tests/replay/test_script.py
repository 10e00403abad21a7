"""What is sent: postings, updates, their keys and their order."""

import json
import random
from collections import Counter
from datetime import timedelta

import pytest

from app.replay.sample import sample_orders
from app.replay.script import Update, in_time_order, plain, posting, sending_order, updates_of, with_repetitions

ORDERS = sample_orders(1)
UPDATES = [update for order in ORDERS for update in updates_of(order)]


def seeded(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secrets here


def test_a_posting_carries_integers_and_money_as_text() -> None:
    body = json.loads(json.dumps(posting(ORDERS[0])))
    assert isinstance(body["weight_g"], int)
    assert isinstance(body["volume_cm3"], int)
    assert body["declared_value"] == str(ORDERS[0].declared_value)
    assert body["posted_at"].endswith("-03:00")
    assert body["sender"] == {
        "name": f"Vendedor {ORDERS[0].seller_id[:8]}",
        "cep": ORDERS[0].sender.cep,
        "city": ORDERS[0].sender.city,
        "uf": ORDERS[0].sender.uf,
    }


def test_only_a_parcel_cancelled_before_it_was_shipped_gives_a_cancellation_and_it_has_no_time() -> None:
    cancelled = [update for update in UPDATES if update.status == "cancelled"]
    assert {update.reference for update in cancelled} == {
        order.reference for order in ORDERS if order.order_status == "canceled" and order.shipped_at is None
    }
    assert all(update.body() == {"status": "cancelled"} for update in cancelled)


def test_a_delivery_happens_at_the_recipients_place() -> None:
    order = next(order for order in ORDERS if order.delivered_at)
    shipped, delivered = updates_of(order)
    assert shipped.body()["city"] == order.sender.city
    assert delivered.body()["city"] == order.recipient.city


def test_time_order_ends_with_the_updates_that_have_no_time() -> None:
    times = [update.occurred_at for update in in_time_order(UPDATES)]
    timed = [time for time in times if time is not None]
    assert timed == sorted(timed)
    assert times[len(timed) :] == [None] * (len(times) - len(timed))


def test_at_the_same_instant_shipped_comes_before_delivered() -> None:
    order = next(order for order in ORDERS if order.delivered_at)
    shipped, delivered = updates_of(order)
    at_once = Update(shipped.seller_id, shipped.reference, "shipped", delivered.occurred_at, shipped.place)
    assert in_time_order([delivered, at_once]) == [at_once, delivered]


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_share_that_is_sent_a_second_time_is_exact_and_the_others_are_sent_once(share: float) -> None:
    sends = Counter(with_repetitions(UPDATES, share, seeded(1)))
    assert set(sends) == set(UPDATES)
    assert Counter(sends.values())[2] == round(len(UPDATES) * share)
    assert max(sends.values()) <= 2


def test_without_shuffling_the_first_and_second_sendings_interleave_but_nothing_else_changes_place() -> None:
    sends = with_repetitions(in_time_order(UPDATES), 0.3, seeded(2))
    once = {update for update, times in Counter(sends).items() if times == 1}
    assert [update for update in sends if update in once] == [u for u in in_time_order(UPDATES) if u in once]


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_same_seed_gives_the_same_order_and_another_seed_another(shuffle: bool) -> None:
    orders = [sending_order(UPDATES, shuffle=shuffle, duplicate=0.3, chance=seeded(seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_a_key_is_the_same_in_the_same_run_only() -> None:
    assert UPDATES[0].key("a") == UPDATES[0].key("a") != UPDATES[0].key("b")
    assert len({update.key("a") for update in UPDATES}) == len(UPDATES)


@pytest.mark.parametrize("name", ["pedido 1", "pedido\r\nX-Admin: 1", "café", "", "x" * 65])
def test_a_reference_that_no_header_can_carry_is_replaced_by_its_digest(name: str) -> None:
    assert plain(name).isalnum()
    assert plain(name) != plain(name + ".")


def test_an_ordinary_reference_stands_in_the_key_as_it_is() -> None:
    day_later = Update("s", "pedido-1001", "shipped", ORDERS[0].posted_at + timedelta(days=1), None)
    assert day_later.key("run") == "run-pedido-1001-shipped"
