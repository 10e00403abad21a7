"""Which methods an address takes."""

import re

from fastapi import Request
from starlette.exceptions import HTTPException

from app.api.operations import operations_of


def methods_at(request: Request) -> set[str]:
    """All methods that the path takes: the framework names those of the first route that fits, and a path has several."""
    methods = operations_of(request).methods
    fitting = [path for path in methods if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path)]
    # One that is written out comes before one with a place for a value.
    closest = min(fitting, key=lambda path: path.count("{"), default="")
    return methods.get(closest, set())


async def check_method(request: Request) -> None:
    """Refuse a method that the path takes only when read as another one: `GET /postings/batch` is of no posting called "batch"."""
    written_out = operations_of(request).methods.get(request.url.path)
    if written_out is not None and request.method not in written_out:
        raise HTTPException(405)
