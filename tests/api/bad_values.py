"""What callers send by mistake or in malice, and what gave a 500 or was taken silently elsewhere."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from tests.api.contract import Schema, says_yes

_TEXTS: Final = (
    "", " ", "\t\n", "\u3000", "\x00", "a\x00b", "\x07", "\x1b[2J", "a\x7f", "a\x85b",
    "x" * 20, "x" * 41, "x" * 101, "x" * 201, "x" * 257, "x" * 501, "x" * 1001, "x" * 20_000, "🚀" * 501,
    *(" " + "x" * longest for longest in (40, 100, 200, 254, 256, 500, 1000)),
    "7", "-1", "007", "1_0", " 5", "+5", "5.0", "\uff11", "true", "null", "NaN", "Infinity", "1e400", "9" * 400, str(2**31), str(2**63),
    "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
    "2026-03-01T14:30:00", "2026-03-01", "2026-02-30T00:00:00Z", "2026-02-30", "2026-03-01T24:00:00Z", "2026-03-01T23:59:60Z",
    "2026-03-01T14:30:00.1234567Z", "1772384400", "now", "1:00:00", "3 days", "P1Y", "PT1H1S", "P", "-P1D",
    "ß906541882BR", "ZP000000000", "00000-000", "00000000000", "urn:uuid:01a210dd-a2a7-7c47-b45d-34df666bd706",
    "{01a210dd-a2a7-7c47-b45d-34df666bd706}", "01a210dda2a77c47b45d34df666bd706", "' OR 1=1; --", "../../etc/passwd", "-1.00", "1,50",
)  # fmt: skip
"""Texts that are wrong in one place or another; where one is right, it is not sent."""

_JSON: Final = (
    *map(json.dumps, _TEXTS),
    "null", "true", "false", "0", "-1", "7.5", "1e-7", "1772384400", "1772384400.5", "{}", "[]", "[null]", '{"a": 1}', "[[]]",
    str(2**31), str(2**53 + 1), str(2**63), str(-(2**63) - 1), str(2**64),
)  # fmt: skip
_NEVER_JSON: Final = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "9" * 401,
        "9" * 5000,
        r'"\ud800"',
        r'"x\udfff"',
        r'"\ude80\ud83d"',
    ),
    *('{"a": 1, "a": 2}', "[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "01", "'x'", '"\t"', "undefined", ""),
)
"""Right nowhere: no JSON, no number that anybody can keep, no text that UTF-8 can write, deeper than any shape."""

_NEVER_ENCODED: Final = ("%zz", "a%", "%4", "%ff", "a%c3", "%ED%A0%80", "%C0%80", "%F5%80%80%80")
"""No percent-encoding, or not of UTF-8."""


def bad_json(schema: Schema) -> Iterator[str]:
    """JSON, and what looks like it, that the document does not take at a place with this schema."""
    yield from _NEVER_JSON
    yield from (text for text in _JSON if not says_yes(schema, json.loads(text)))


def bad_parameters(schema: Schema) -> Iterator[str]:
    """The same for a query string, a path or a form, percent-encoded."""
    yield from _NEVER_ENCODED
    items = schema.get("items", schema)
    yield from (quote(text, safe="") for text in _TEXTS if not says_yes(items, _typed(items, text)))


def bad_path_segments(schema: Schema) -> Iterator[str]:
    """The same for a segment of a path, which cannot be empty."""
    yield from (
        text for text in bad_parameters(schema) if text and _decoded(text) not in (".", "..", "../../etc/passwd")
    )


def bad_headers(schema: Schema) -> Iterator[str]:
    """The same for a header: only what HTTP can carry there; the spaces around a value are not part of it."""
    for text in (*_TEXTS, "é", "a\u00a0b", "x" * 256, "a\tb"):
        if not says_yes(schema, _typed(schema, text.strip(" \t"))) and re.fullmatch(r"[\t -~\u0080-\u00ff]*", text):
            yield text


def _typed(schema: Schema, text: str) -> Any:
    """What the text stands for, when the document wants a number there."""
    return int(text) if schema.get("type") == "integer" and re.fullmatch("-?(0|[1-9][0-9]{0,20})", text) else text


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", errors="replace")
