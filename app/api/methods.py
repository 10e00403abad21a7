"""Which methods an address takes."""

import re
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException


def methods_at(request: Request) -> set[str]:
    """All methods that the path takes: the framework names those of the first route that fits, and a path has several."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    fitting = [path for path in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path)]
    # One that is written out comes before one with a place for a value.
    closest = min(fitting, key=lambda path: path.count("{"), default=None)
    return {method.upper() for method in paths[closest]} if closest is not None else set()


async def check_method(request: Request) -> None:
    """Refuse a method that the path takes only when read as another one: `GET /postings/batch` is of no posting called "batch"."""
    written_out = request.app.openapi()["paths"].get(request.url.path)
    if written_out is not None and request.method.lower() not in written_out:
        raise HTTPException(405)
