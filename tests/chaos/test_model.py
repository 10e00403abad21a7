"""The model of the ledger and the rule of the service are two texts: on every life they must say the same."""

import pytest
from hypothesis import given

from app.models.status_updates import Event
from app.services.errors import HistoryFull, Refusal
from app.services.posting_lifecycle import Life
from chaos.model import MOST_STEPS, Step, decide, read_in_time
from tests.properties import examples
from tests.services.lives import PENDING, Update, event, life, updates


def step(event: Event) -> Step:
    """The event as the model writes it."""
    return Step(event.status, event.occurred_at, event.city, event.uf, event.description)


@given(updates)
@examples(500)
def test_the_model_decides_as_the_service_does(asked: list[Update]) -> None:
    lived, history = Life([PENDING]), [step(PENDING)]
    for update in asked:
        code, recorded = decide(history, step(update.event), timed=update.timed)
        if code is None:
            assert step(lived.add(update.event, timed=update.timed)) == recorded
            history = read_in_time([*history, recorded])
        else:
            with pytest.raises(Refusal) as refused:
                lived.add(update.event, timed=update.timed)
            assert refused.value.code() == code


def test_of_a_full_history_they_say_the_same() -> None:
    scans = [event("shipped", minute, description="scan") for minute in range(1, MOST_STEPS)]
    asked = event("shipped", MOST_STEPS, description="one more")
    for kept in (scans[:-1], scans):
        code, _ = decide([step(PENDING), *map(step, kept)], step(asked), timed=True)
        assert code == (None if kept != scans else "history_full")
        if code is None:
            life(*kept).add(asked, timed=True)
        else:
            with pytest.raises(HistoryFull):
                life(*kept).add(asked, timed=True)
