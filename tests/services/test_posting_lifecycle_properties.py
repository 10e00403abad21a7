"""What holds for every life of a posting, whatever arrives, in whatever order and however often."""

from hypothesis import given
from hypothesis import strategies as st

from app.models.status_updates import Event
from app.services.errors import Refusal
from app.services.posting_lifecycle import Life, in_order, refusal_at_once
from tests.properties import examples
from tests.services.lives import (
    FINAL,
    PENDING,
    Update,
    consistent_events,
    is_legal,
    life,
    one_update,
    play,
    timed_updates,
    updates,
)

lives = examples(200)


@lives
@given(st.data(), consistent_events())
def test_any_order_and_any_repetition_of_consistent_updates_gives_the_same_history(
    data: st.DataObject, fitting: list[Event]
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(fitting), max_size=6)) if fitting else []
    arriving = data.draw(st.permutations(fitting + repeated))
    lived = life()
    outcomes = play(lived, [Update(each) for each in arriving])
    assert lived.steps == in_order([PENDING, *fitting])
    assert outcomes.count("applied") == len(fitting)
    assert outcomes.count("already_recorded") == len(repeated)


@lives
@given(updates)
def test_every_update_is_accounted_for(arriving: list[Update]) -> None:
    lived = life()
    outcomes = play(lived, arriving)
    assert len(outcomes) == len(arriving)
    assert len(lived.steps) == 1 + outcomes.count("applied")


@lives
@given(updates)
def test_the_steps_in_order_are_always_a_legal_life(arriving: list[Update]) -> None:
    lived = life()
    for update in arriving:
        play(lived, [update])
        assert lived.steps == in_order(lived.steps)
        assert is_legal(lived.steps)
        assert len(set(lived.steps)) == len(lived.steps)


@lives
@given(updates)
def test_the_status_is_always_that_of_the_last_step_in_time(arriving: list[Update]) -> None:
    lived = life()
    play(lived, arriving)
    assert lived.last == in_order(lived.steps)[-1]
    assert lived.last.occurred_at == max(step.occurred_at for step in lived.steps)


@lives
@given(updates)
def test_nothing_leaves_a_final_status(arriving: list[Update]) -> None:
    lived = life()
    for update in arriving:
        before = lived.last
        play(lived, [update])
        assert before.status not in FINAL or lived.last == before


@lives
@given(updates)
def test_no_step_is_ever_changed_or_lost(arriving: list[Update]) -> None:
    lived = life()
    for update in arriving:
        before = set(lived.steps)
        play(lived, [update])
        assert before <= set(lived.steps)


@lives
@given(updates)
def test_deciding_all_at_once_is_deciding_one_after_the_other(arriving: list[Update]) -> None:
    """Between two decisions a life is written down and read back: that must not make a difference."""
    folded, read_back = life(), life()
    outcomes = play(folded, arriving)
    for update, outcome in zip(arriving, outcomes, strict=True):
        read_back = Life(in_order(read_back.steps[:1] + read_back.steps[:0:-1]))
        assert play(read_back, [update]) == [outcome]
    assert read_back.steps == folded.steps


@lives
@given(timed_updates)
def test_sending_everything_a_second_time_changes_nothing(arriving: list[Update]) -> None:
    lived = life()
    play(lived, arriving)
    steps = list(lived.steps)
    assert "applied" not in play(lived, arriving)
    assert lived.steps == steps


@lives
@given(updates, one_update, updates)
def test_what_was_refused_once_could_never_have_been_applied_later(
    before: list[Update], tried: Update, after: list[Update]
) -> None:
    lived = life()
    play(lived, before)
    outcome = play(lived, [tried])
    if outcome == ["applied"]:
        return
    for update in after:
        play(lived, [update])
        assert play(lived, [tried]) != ["applied"]


def _refused_at_once(lived: Life, tried: Update) -> type[Refusal] | None:
    posted, last, event = lived.steps[0], lived.last, tried.event
    at = event.occurred_at if tried.timed else None
    return refusal_at_once(last.status, last.occurred_at, posted.occurred_at, event, occurred_at=at)


@lives
@given(updates, one_update, updates)
def test_a_refusal_at_once_is_never_contradicted(before: list[Update], tried: Update, after: list[Update]) -> None:
    lived = life()
    play(lived, before)
    if not _refused_at_once(lived, tried):
        return
    assert play(lived, [tried]) != ["applied"]
    for update in after:
        play(lived, [update])
        assert play(lived, [tried]) != ["applied"]


@lives
@given(updates, one_update)
def test_a_refusal_at_once_gives_the_reason_that_the_worker_would_give(before: list[Update], tried: Update) -> None:
    lived = life()
    play(lived, before)
    refusal = _refused_at_once(lived, tried)
    if refusal:
        assert play(lived, [tried]) == [refusal.code()]


@lives
@given(updates, updates)
def test_after_the_last_step_a_life_known_by_its_end_decides_as_one_that_was_read(
    before: list[Update], arriving: list[Update]
) -> None:
    lived = life()
    play(lived, before)
    last, count = lived.last, len(lived.steps)
    later = [update for update in arriving if update.event.occurred_at > last.occurred_at]
    known = Life.known_by_its_end(last.status, last.occurred_at, step_count=count)
    assert play(known, later) == play(lived, later)
    assert known.steps[1:] == lived.steps[count:]
    assert (known.last.status, known.last.occurred_at) == (lived.last.status, lived.last.occurred_at)
