"""What docs/testing-integrations.md tells is what the service knows."""

import re
from pathlib import Path
from typing import Final

from app.services.refusals import REASONS
from app.services.scenarios import AT_ONCE, SCENARIOS

TEXT: Final = (Path(__file__).parents[1] / "docs" / "testing-integrations.md").read_text(encoding="utf-8")


def test_the_table_tells_every_scenario_and_whether_it_is_refused_at_once() -> None:
    told = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \|$", TEXT, re.MULTILINE))
    assert told.keys() == SCENARIOS.keys()
    assert {name for name, what in told.items() if "at once" in what} == AT_ONCE
    assert {name for name, what in told.items() if "refused" in what} == REASONS.keys()
