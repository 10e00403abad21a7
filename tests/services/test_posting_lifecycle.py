"""The life of a posting: the table, and each refusal by its name."""

from datetime import timedelta

import pytest

from app.models.fields import STATUSES, Status
from app.models.status_updates import Event
from app.services import errors
from app.services.posting_lifecycle import (
    MAY_BE_FOLLOWED_BY,
    in_order,
    refusal_between,
)
from tests.services.lives import FINAL, PENDING, Update, at, event, life, play

LEGAL = [
    ("pending", "shipped"),
    ("pending", "delivered"),
    ("pending", "returned"),
    ("pending", "cancelled"),
    ("shipped", "shipped"),
    ("shipped", "delivered"),
    ("shipped", "returned"),
]


def test_the_table_is_the_whole_rule() -> None:
    assert sorted((before, after) for before, afters in MAY_BE_FOLLOWED_BY.items() for after in afters) == sorted(LEGAL)
    assert set(MAY_BE_FOLLOWED_BY) == set(STATUSES)


@pytest.mark.parametrize("after", STATUSES)
@pytest.mark.parametrize("before", STATUSES)
def test_a_scan_may_follow_as_the_table_says(before: Status, after: Status) -> None:
    refusal = refusal_between(before, event(after, 1, "Campinas"))
    if (before, after) in LEGAL:
        assert refusal is None
    else:
        assert refusal is (errors.AlreadyInStatus if before == after else errors.IllegalTransition)


@pytest.mark.parametrize("status", STATUSES)
def test_a_repeated_status_that_says_nothing_is_refused(status: Status) -> None:
    assert refusal_between(status, event(status, 1)) is errors.AlreadyInStatus


@pytest.mark.parametrize(
    "scan",
    [
        Event("shipped", at(2), city="Campinas"),
        Event("shipped", at(2), uf="SP"),
        Event("shipped", at(2), description="Saiu para entrega"),
    ],
    ids=["city", "uf", "description"],
)
def test_a_repeated_status_with_a_place_or_a_description_is_a_scan(scan: Event) -> None:
    shipped = life(event("shipped", 1))
    assert shipped.add(scan, timed=True) == scan
    assert shipped.last == scan


def test_a_missed_scan_loses_no_delivery() -> None:
    assert play(life(), [Update(event("delivered", 1))]) == ["applied"]


def test_a_late_shipping_takes_its_place_and_does_not_move_the_status_back() -> None:
    delivered = life(event("delivered", 5))
    assert play(delivered, [Update(event("shipped", 2))]) == ["applied"]
    assert [step.status for step in delivered.steps] == ["pending", "shipped", "delivered"]
    assert delivered.last.status == "delivered"


@pytest.mark.parametrize("final", FINAL)
@pytest.mark.parametrize("status", STATUSES)
def test_nothing_may_come_after_a_final_status(final: Status, status: Status) -> None:
    expected = "already_in_status" if status == final else "illegal_transition"
    assert play(life(event(final, 1)), [Update(event(status, 2, "Campinas"))]) == [expected]
    assert play(life(event(final, 1)), [Update(event(status, 2, "Campinas"), timed=False)]) == [expected]


@pytest.mark.parametrize(
    ("steps", "update", "code"),
    [
        ([], event("shipped", -1), "out_of_sequence"),
        ([], event("pending", -1), "out_of_sequence"),
        ([], event("pending", 0), "already_recorded"),
        ([], event("pending", 0, "Campinas"), "already_in_status"),
        ([], event("pending", 1), "already_in_status"),
        ([event("shipped", 1)], event("shipped", 1), "already_recorded"),
        ([event("shipped", 1, "Santos")], event("shipped", 1, "Santos"), "already_recorded"),
        ([event("shipped", 1)], event("shipped", 2), "already_in_status"),
        ([event("shipped", 2)], event("shipped", 1), "out_of_sequence"),
        ([event("shipped", 2)], event("shipped", 1, "Santos"), "out_of_sequence"),
        ([event("shipped", 2)], event("cancelled", 1), "out_of_sequence"),
        ([event("shipped", 2)], event("cancelled", 3), "illegal_transition"),
        ([event("shipped", 2)], event("delivered", 1), "out_of_sequence"),
        ([event("shipped", 2)], event("pending", 3), "illegal_transition"),
        ([event("shipped", 1), event("delivered", 3)], event("returned", 2), "out_of_sequence"),
        ([event("shipped", 1), event("delivered", 3)], event("returned", 4), "illegal_transition"),
        ([event("cancelled", 2)], event("shipped", 1), "out_of_sequence"),
        ([event("delivered", 2)], event("delivered", 2), "already_recorded"),
        ([event("delivered", 2)], event("delivered", 2, "Santos"), "already_in_status"),
        ([event("delivered", 2)], event("delivered", 1), "out_of_sequence"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_changes_nothing(steps: list[Event], update: Event, code: str) -> None:
    kept = life(*steps)
    assert play(kept, [Update(update)]) == [code]
    assert kept.steps == [PENDING, *steps]


def test_at_the_same_instant_a_parcel_is_shipped_before_it_is_delivered() -> None:
    delivered = life(event("delivered", 1))
    assert play(delivered, [Update(event("shipped", 1, "Santos")), Update(event("shipped", 1))]) == ["applied"] * 2
    assert [step.status for step in delivered.steps] == ["pending", "shipped", "shipped", "delivered"]
    assert delivered.steps[1].city is None


def test_a_posting_may_be_shipped_at_the_instant_it_was_posted() -> None:
    assert play(life(), [Update(event("shipped", 0))]) == ["applied"]


def test_an_update_without_a_time_happened_when_it_was_accepted() -> None:
    assert life().add(event("shipped", 7), timed=False).occurred_at == at(7)


def test_an_update_without_a_time_comes_just_after_the_last_step_where_the_clock_has_stepped_back() -> None:
    delivered = life(event("shipped", 7)).add(event("delivered", 3, "Santos", "Na portaria"), timed=False)
    assert delivered == Event("delivered", at(7) + timedelta.resolution, "Santos", "SP", "Na portaria")


def test_an_update_with_a_time_is_never_altered() -> None:
    late = event("shipped", 3, "Santos")
    assert life(event("shipped", 7, "Campinas")).add(late, timed=True) is late


@pytest.mark.parametrize("minutes", [3, 7], ids=["earlier", "at the very instant"])
def test_scans_without_a_time_keep_the_order_of_their_acceptance_whatever_they_say(minutes: int) -> None:
    moved = life(event("shipped", 7, "Santos"))
    for city in ("Jundiai", "Campinas", "Campinas", "Americana"):
        moved.add(event("shipped", minutes, city), timed=False)
    assert [step.city for step in moved.steps[1:]] == ["Santos", "Jundiai", "Campinas", "Campinas", "Americana"]
    assert moved.steps == in_order(moved.steps)
