"""What docs/accounts.md tells is what the service knows."""

import re
from pathlib import Path

from app.models.scopes import SCOPES

TEXT = (Path(__file__).parents[1] / "docs" / "accounts.md").read_text(encoding="utf-8")


def test_the_table_tells_every_scope_and_what_it_is_for() -> None:
    assert dict(re.findall(r"^\| `([a-z:]+)` \| ([^|]+) \|$", TEXT, re.MULTILINE)) == SCOPES
