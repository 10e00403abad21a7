"""When a delivery is tried again."""

from datetime import timedelta

import pytest

from app.services.webhook_schedule import DELIVERED, FAILED, Outcome, outcome

SCHEDULE = (5, 300)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_success_is_a_delivery(status: int) -> None:
    assert outcome(status, failures=0, schedule=SCHEDULE, chance=0) == DELIVERED


@pytest.mark.parametrize("status", [None, 199, 300, 302, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    assert outcome(status, failures=0, schedule=SCHEDULE, chance=0) == Outcome("waiting", timedelta(seconds=5))
    assert outcome(status, failures=1, schedule=SCHEDULE, chance=0) == Outcome("waiting", timedelta(seconds=300))


def test_after_the_schedule_it_has_failed() -> None:
    assert outcome(500, failures=2, schedule=SCHEDULE, chance=0) == FAILED
    assert outcome(500, failures=0, schedule=(), chance=0) == FAILED


def test_what_is_gone_is_not_tried_again() -> None:
    assert outcome(410, failures=0, schedule=SCHEDULE, chance=0) == FAILED


def test_a_wait_is_up_to_a_tenth_longer() -> None:
    assert outcome(500, failures=1, schedule=SCHEDULE, chance=1).due_in == timedelta(seconds=330)


def test_who_asks_for_a_longer_wait_gets_it() -> None:
    assert outcome(503, failures=0, schedule=SCHEDULE, chance=0, retry_after=60).due_in == timedelta(seconds=60)
    assert outcome(503, failures=1, schedule=SCHEDULE, chance=0, retry_after=60).due_in == timedelta(seconds=300)
