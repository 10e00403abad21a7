"""The model of the ledger and the rule of the service are two texts: on every life they must say the same."""

import pytest
from hypothesis import given

from app.models.status_updates import Event
from app.services.errors import Refusal
from app.services.posting_lifecycle import Life
from chaos.model import Step, decide, read_in_time
from tests.properties import examples
from tests.services.lives import PENDING, Update, updates


def step(event: Event) -> Step:
    """The event as the model writes it."""
    return Step(event.status, event.occurred_at, event.city, event.uf, event.description)


@given(updates)
@examples(500)
def test_the_model_decides_as_the_service_does(asked: list[Update]) -> None:
    life, history = Life([PENDING]), [step(PENDING)]
    for update in asked:
        code, recorded = decide(history, step(update.event), timed=update.timed)
        if code is None:
            assert step(life.add(update.event, timed=update.timed)) == recorded
            history = read_in_time([*history, recorded])
        else:
            with pytest.raises(Refusal) as refused:
                life.add(update.event, timed=update.timed)
            assert refused.value.code() == code
