"""What the ledger counts and how the table shows it."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from app.replay.answers import Problem, UpdateSeen
from app.replay.errors import UnexpectedAnswerError
from app.replay.ledger import Fate, Ledger, percentile
from app.replay.report import print_report
from app.replay.script import Update

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seen(update_id: str, refusal: str | None = None) -> UpdateSeen:
    return UpdateSeen(
        id=update_id,
        state="refused" if refusal else "applied",
        refusal=Problem(code=refusal) if refusal else None,
        accepted_at=NOON,
        decided_at=NOON + timedelta(milliseconds=20),
    )


def finished_ledger() -> Ledger:
    """Two orders and four updates: one applied, two refused by the worker and at once, one never decided."""
    fates = {Update("s", str(number), "shipped", NOON, None): Fate(sent=True) for number in range(4)}
    applied, refused, refused_at_once, lost = fates.values()
    for fate, update_id in ((applied, "a"), (refused, "b"), (lost, "c")):
        fate.accept(update_id)
    applied.decide(seen("a"))
    refused.decide(seen("b", "out_of_sequence"))
    refused_at_once.refuse("out_of_sequence")
    return Ledger(
        orders=2, fates=fates, confirmed=2, sends=5, answer_seconds=[0.004, 1.5], phase_seconds={"updates": 2}
    )


def printed(ledger: Ledger, *, finished: bool = True) -> list[list[str]]:
    text = io.StringIO()
    print_report(Console(file=text, width=100), ledger, title="Replay", finished=finished)
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in text.getvalue().splitlines()]


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_the_nearest_rank_whatever_the_order(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], share) == value


def test_a_percentile_of_one_value_is_that_value_and_of_none_is_none() -> None:
    assert percentile([3.0], 0.99) == 3.0
    assert percentile([], 0.5) is None


def test_refusals_are_counted_by_reason_wherever_they_were_refused() -> None:
    assert ["refused: out_of_sequence", "2"] in printed(finished_ledger())


def test_an_accepted_update_that_was_never_decided_is_unaccounted_for_and_makes_the_replay_unsound() -> None:
    ledger = finished_ledger()
    assert ["updates unaccounted for", "1"] in printed(ledger)
    assert not ledger.sound


def test_a_replay_is_sound_once_every_update_and_posting_is_accounted_for() -> None:
    ledger = finished_ledger()
    list(ledger.fates.values())[-1].decide(seen("c"))
    assert ledger.sound
    ledger.confirmed = 1
    assert not ledger.sound


def test_a_stopped_replay_calls_the_rest_unfinished() -> None:
    assert ["updates unfinished", "1"] in printed(finished_ledger(), finished=False)


def test_rates_and_times_are_shown_with_their_units_and_a_dash_where_there_is_nothing() -> None:
    rows = printed(finished_ledger())
    for row in (
        ["updates", "4"],
        ["sent a second time", "1"],
        ["updates per second", "1"],
        ["postings per second", "-"],
        ["answer p50", "4.0 ms"],
        ["answer p99", "1.50 s"],
        ["accepted to decided p50", "20.0 ms"],
    ):
        assert row in rows


def test_odd_answers_are_shown_once_each_up_to_five_and_make_the_replay_unsound() -> None:
    ledger = finished_ledger()
    list(ledger.fates.values())[-1].decide(seen("c"))
    ledger.surprises.update({f"PATCH /{number}: 422 [validation]": number for number in range(1, 8)})
    text = [" ".join(row) for row in printed(ledger)]
    assert "unexpected: PATCH /1: 422 [validation]" in text
    assert "unexpected: PATCH /5: 422 [validation] (5 times)" in text
    assert "unexpected: and 2 more" in text
    assert not ledger.sound


def test_the_same_key_must_be_answered_the_same_way_every_time() -> None:
    accepted, refused = Fate(), Fate()
    accepted.accept("a")
    accepted.accept("a")
    refused.refuse("illegal_transition")
    refused.refuse("out_of_sequence")
    with pytest.raises(UnexpectedAnswerError, match="first a, then b"):
        accepted.accept("b")
    with pytest.raises(UnexpectedAnswerError, match="first a, then illegal_transition"):
        accepted.refuse("illegal_transition")
    with pytest.raises(UnexpectedAnswerError, match="first out_of_sequence, then a"):
        refused.accept("a")
