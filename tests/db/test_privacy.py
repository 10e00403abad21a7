"""docs/privacy.md tells of every column: why it is held, on which ground, for how long, and whether an export has it."""

import json
import re
from pathlib import Path
from typing import Final

from app.services.personal_data_service import EXPORTED
from tests.db.rows import CLIENT, Connection, insert

_GROUNDS: Final = {"contract", "legal duty", "legitimate interest", "—"}
_KEPT: Final = {"account", "session", "posting", "update", "log", "always"}
_TABLE_OF: Final = {"account": "clients", "idempotency_keys": "posting_idempotency_keys"}


def documented() -> dict[tuple[str, str], tuple[str, ...]]:
    """What the document says of each column, by table and column: purpose, ground, how long, export."""
    text = (Path(__file__).parents[2] / "docs/privacy.md").read_text(encoding="utf-8")
    found = {}
    for section in text.split("\n### `")[1:]:
        table = section.partition("`")[0]
        for column, *cells in re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \| (.+) \|$", section, re.MULTILINE):
            assert (table, column) not in found
            found[table, column] = tuple(cells)
    return found


async def test_every_column_is_told_and_no_other(known: Connection) -> None:
    rows = await known.fetch(
        """
        SELECT table_name, column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> 'schema_migrations'
        """
    )
    assert set(documented()) == {(row["table_name"], row["column_name"]) for row in rows}


def test_each_has_a_purpose_a_ground_and_an_end() -> None:
    for column, (purpose, ground, kept, export) in documented().items():
        assert len(purpose) > 5, column
        assert ground in _GROUNDS, column
        assert kept in _KEPT, column
        assert export in ("export", "—"), column


async def test_what_is_marked_so_is_in_the_export(known: Connection) -> None:
    for table in ("sessions", "api_keys", "posting_idempotency_keys", "status_updates", "status_history"):
        await insert(known, table, {})
    for table in ("webhook_endpoints", "webhook_deliveries", "webhook_attempts"):
        await insert(known, table, {})
    await insert(known, "audit_log", {"actor_id": CLIENT})
    for name, sql in EXPORTED.items():
        table = _TABLE_OF.get(name, name)
        (row, *_) = await known.fetch(sql, CLIENT, None, 1)
        promised = {
            column
            for (of_table, column), (*_, export) in documented().items()
            if of_table == table and export == "export"
        }
        assert json.loads(row["line"]).keys() == promised, name
