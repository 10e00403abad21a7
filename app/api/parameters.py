"""Query strings and forms: percent-encoded UTF-8, each name one that the route knows, and none twice that has one value."""

import re
from collections import Counter
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from app.api.edge_errors import MalformedParameters
from app.api.operations import operations_of

_LONE_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_parameters(encoded: bytes) -> list[tuple[str, str]]:
    """The names and values, as WHATWG's form-urlencoded parser reads them; raises MalformedParameters where that would have to guess."""
    if _LONE_PERCENT.search(encoded):
        raise MalformedParameters
    try:
        unquote_to_bytes(encoded).decode("utf-8")
        return parse_qsl(encoded.decode("utf-8"), keep_blank_values=True)
    except ValueError as error:
        raise MalformedParameters from error


def check_form(body: bytes) -> None:
    """Raise MalformedParameters unless this is a form with each name once."""
    if any(times > 1 for times in Counter(name for name, _ in read_parameters(body)).values()):
        raise MalformedParameters


async def check_query(request: Request) -> None:
    """Refuse a name that the operation does not document, and one given twice that is not documented as a list."""
    may_repeat = operations_of(request).query_parameters.get(request.scope["route"].name)
    if may_repeat is None:
        return  # a page for people, which links from elsewhere may lead to with names of their own
    given = Counter(name for name, _ in read_parameters(request.scope["query_string"]))
    wrong = [
        {
            "loc": ("query", name),
            "msg": "stands twice, and has one value" if name in may_repeat else "is not a parameter",
        }
        for name, times in given.items()
        if name not in may_repeat or (times > 1 and not may_repeat[name])
    ]
    if wrong:
        raise RequestValidationError(wrong)
