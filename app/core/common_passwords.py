"""Passwords that whoever guesses tries first, as they were counted in leaked ones; common_passwords.LICENSE tells from where."""

import unicodedata
from pathlib import Path
from typing import Final

_LIST: Final = Path(__file__).with_suffix(".txt")


def read_common_passwords() -> frozenset[str]:
    """Those of at least 8 characters, folded."""
    return frozenset(_LIST.read_text(encoding="utf-8").split())


def fold_password(text: str) -> str:
    """What texts have in common that differ in capitals, or in how Unicode writes the same characters (NFKC)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
