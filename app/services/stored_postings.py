"""Postings as they are stored, read into their shapes."""

import json
from typing import Any, Final

from app.db.database import Row
from app.models.postings import Party, Posting

# Of a party, only what was said is stored.
_UNSAID: Final = dict.fromkeys(Party.model_fields)


def read_posting(row: Row, sender: Party | None = None, recipient: Party | None = None) -> Posting:
    """A row as its owner sees it; parties that are known already need not be read."""
    values: dict[str, Any] = {name: row[name] for name in Posting.model_fields}
    values["sender"] = sender or _read_party(values["sender"])
    values["recipient"] = recipient or _read_party(values["recipient"])
    values["metadata"] = json.loads(values["metadata"])
    return Posting.made_of(values)


def _read_party(stored: str) -> Party:
    return Party.made_of({**_UNSAID, **json.loads(stored)})
