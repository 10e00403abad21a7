"""What is left of a quota, by a clock of the test's own."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.quotas import Quota
from app.models.quotas import QuotaPolicy
from tests.properties import examples

A: Final = "a"


def quota(most: int = 6, window: int = 60) -> Quota:
    return Quota(QuotaPolicy("client", most, window))


def test_as_many_as_the_quota_says_may_be_used_at_once_and_no_more() -> None:
    used = quota()
    assert [used.take(A, 1_000.0) for _ in range(8)] == [5, 4, 3, 2, 1, 0, -1, -1]
    assert used.take("b", 1_000.0) == 5


def test_it_comes_back_one_by_one_and_is_whole_again_after_the_window() -> None:
    used = quota()
    while used.take(A, 0.0) > 0:
        pass
    assert used.seconds_until_more(A, 0.0) == 10
    assert used.seconds_until_more(A, 3.5) == 7
    assert used.take(A, 9.9) == -1
    assert used.take(A, 10.0) == 0
    assert used.take(A, 10.0) == -1
    assert used.take(A, 70.0) == 5


def test_what_the_others_let_through_beyond_the_quota_has_to_come_back_first() -> None:
    used = quota(most=10, window=3_600)
    used.take(A, 0.0)
    used.untold()
    used.learn(A, 4 * 3_600.0, 0.0)
    assert used.seconds_until_more(A, 0.0) == 3 * 3_600 + 360
    assert used.take(A, 3 * 3_600 + 359.0) == -1
    assert used.take(A, 3 * 3_600 + 360.0) == 0


def test_nor_is_there_one_in_a_second_where_one_costs_less() -> None:
    used = quota(most=600)
    used.take(A, 0.0)
    used.learn(A, 75.0, 0.0)
    assert used.seconds_until_more(A, 0.0) == 16


@examples(300)
@given(
    st.lists(st.floats(0, 50), max_size=30),
    st.floats(0, 1_000),
    st.integers(1, 20),
    st.integers(1, 3_600),
    st.floats(1, 1e6),
)
def test_whoever_waits_as_told_finds_one_more_and_no_sooner(
    pauses: list[float], beyond: float, most: int, window: int, now: float
) -> None:
    used = quota(most, window)
    for pause in pauses:
        now += pause
        used.take(A, now)
    used.learn(A, beyond, now)
    while used.take(A, now) >= 0:
        pass
    wait = used.seconds_until_more(A, now)
    if wait > 1:
        assert used.take(A, now + wait - 1.001) == -1
    assert used.take(A, now + wait) >= 0


def test_whoever_is_told_a_full_second_finds_one_more_then() -> None:
    used, now = quota(most=1, window=2_000), 96.09904565583713
    assert used.take(A, now) == 0
    assert used.take(A, now + used.seconds_until_more(A, now)) == 0


def test_who_has_used_little_is_told_of_the_next_second() -> None:
    often = quota(most=600)
    often.take(A, 0.0)
    assert often.seconds_until_more(A, 0.0) == 1
    assert quota().seconds_until_more("nobody", 0.0) == 1


def test_what_is_given_back_may_be_used_again() -> None:
    used = quota(most=1)
    assert used.take(A, 0.0) == 0
    used.give_back(A)
    assert used.take(A, 0.0) == 0
    assert used.take(A, 0.0) == -1


def test_others_are_told_once_of_what_was_used_as_a_length_of_time() -> None:
    used = quota()
    for _ in range(3):
        used.take(A, 0.0)
    used.take("b", 0.0)
    used.take("c", 0.0)
    used.give_back("c")
    assert used.untold() == [(A, 30.0), ("b", 10.0), ("c", 0.0)]
    assert used.untold() == []


def test_what_others_used_counts_and_what_they_do_not_know_yet_comes_on_top() -> None:
    used = quota()
    used.take(A, 0.0)
    used.untold()
    used.take(A, 0.0)
    used.learn(A, 40.0, 0.0)  # the others have used three, and one of ours is among them
    assert used.take(A, 0.0) == 0
    assert used.take(A, 0.0) == -1


def test_others_that_have_forgotten_all_take_nothing_back() -> None:
    used = quota()
    for _ in range(6):
        used.take(A, 0.0)
    used.untold()
    used.learn(A, 0.0, 0.0)
    assert used.take(A, 0.0) == -1


def test_whose_quota_is_whole_again_is_forgotten_unless_the_others_have_not_been_told() -> None:
    used = quota()
    for name in ("told", "untold"):
        used.take(name, 0.0)
        if name == "told":
            used.untold()
    used.forget_whole(100.0)
    assert used._uses.keys() == {"untold"}


def test_the_memory_of_who_used_something_has_a_bound() -> None:
    used = quota()
    for number in range(50_100):
        used.take(str(number), 0.0)
    assert len(used._uses) <= 50_000


@examples(100)
@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 50), st.integers(1, 100))
def test_in_no_window_more_is_used_than_the_quota_and_what_comes_back_meanwhile(
    pauses: list[float], most: int, window: int
) -> None:
    used = quota(most, window)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += used.take(A, now) >= 0
    assert taken <= most + now * most / window + 1


@pytest.mark.parametrize(
    ("policy", "told", "left"),
    [
        (QuotaPolicy("client", 100, 60), '"client";q=100;w=60', '"client";r=7;t=2'),
        (
            QuotaPolicy("concurrent-requests", 64, unit="concurrent-requests"),
            '"concurrent-requests";q=64;qu="concurrent-requests"',
            '"concurrent-requests";r=7',
        ),
    ],
)
def test_a_policy_is_told_as_the_draft_has_it(policy: QuotaPolicy, told: str, left: str) -> None:
    assert policy.told == told.encode()
    assert policy.told_left(7, 2) == left.encode()
