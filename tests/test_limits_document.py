"""What docs/limits.md tells is what the service does."""

import json
import re
from pathlib import Path
from typing import Final

from app.api.problems import example_of
from app.config import Settings
from app.core.common_passwords import read_common_passwords
from app.services.errors import QuotaExceeded

DOCS: Final = Path(__file__).parents[1] / "docs"
TEXT: Final = (DOCS / "limits.md").read_text(encoding="utf-8")


def test_the_table_tells_every_quota_that_has_a_setting_of_its_own() -> None:
    rows = re.findall(r"^\| `[a-z-]+` \| [^|]+ \| ([0-9 ]+) [a-z][^|]+ \| `([A-Z_]+)` \|$", TEXT, re.MULTILINE)
    told = {setting.lower(): int(quota.replace(" ", "")) for quota, setting in rows}
    names = [name for name in Settings.model_fields if name.startswith(("rate_limit_", "failed_sign_ins_"))]
    assert told == {name: Settings.model_fields[name].default for name in names}


def test_the_problem_is_the_one_that_is_answered() -> None:
    (shown,) = re.findall("```json\n(.*?)```", TEXT, re.DOTALL)
    assert json.loads(shown) == example_of(QuotaExceeded)


def test_as_many_passwords_are_refused_as_is_told() -> None:
    told = re.search(r"one of ([0-9 ]+) common ones", (DOCS / "accounts.md").read_text(encoding="utf-8"))
    assert told is not None
    assert int(told[1].replace(" ", "")) == len(read_common_passwords())
