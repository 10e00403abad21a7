"""What a test posting's reference says of its life."""

from typing import get_args

import pytest

from app.models.fields import STATUSES
from app.models.status_updates import RefusalCode
from app.services.errors import UnknownScenario
from app.services.scenarios import AT_ONCE, SCENARIOS, Plan, plan_of


def test_every_refusal_and_every_status_but_the_middle_one_has_a_scenario() -> None:
    assert SCENARIOS.keys() == {*get_args(RefusalCode), *STATUSES} - {"shipped"}


@pytest.mark.parametrize("reference", [None, "", "pedido-1001", "teste:returned", "Test:returned", " test:returned"])
def test_any_other_reference_means_the_usual_life(reference: str | None) -> None:
    assert plan_of(reference, 5) == Plan("delivered", 5)


@pytest.mark.parametrize(
    ("reference", "plan"),
    [
        ("test:returned", Plan("returned", 5)),
        ("test:returned:pedido-7", Plan("returned", 5)),
        ("test:returned@0", Plan("returned", 0)),
        ("test:illegal_transition@86400:pedido 7: azul", Plan("illegal_transition", 86_400)),
        ("test:pending@007:", Plan("pending", 7)),
        ("test:delivered@2:\u2028@9", Plan("delivered", 2)),
    ],
)
def test_a_reference_names_scenario_and_pace(reference: str, plan: Plan) -> None:
    assert plan_of(reference, 5) == plan


@pytest.mark.parametrize(
    "reference",
    [
        "test:", "test:shipped", "test:RETURNED", "test:returned@", "test:returned@-1", "test:returned@1.5", "test:returned@86401",
        "test:returned@100000", "test:returned@\u0661", "test:returned7", "test: returned", "test:returned ",
    ],
)  # fmt: skip
def test_one_that_begins_so_and_says_nothing_is_refused(reference: str) -> None:
    with pytest.raises(UnknownScenario):
        plan_of(reference, 5)


def test_what_is_refused_at_once_is_left_alone_by_the_simulator() -> None:
    assert all(SCENARIOS[code] == () for code in AT_ONCE)
