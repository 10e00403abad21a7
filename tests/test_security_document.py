"""docs/security.md promises nothing without a test: each one that it names is there, and no risk of OWASP's list is passed over."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED: Final = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    assert re.search(rf"^\s*(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_line_names_a_test() -> None:
    table = DOCUMENT[DOCUMENT.index("## What is done") : DOCUMENT.index("## What every answer says")]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 20
    assert all("`tests/" in row for row in rows)
    assert re.findall(r"^\| API(\d+) ", table, re.MULTILINE) == [str(number) for number in range(1, 11)]
