"""Where a caller goes next: Link (RFC 8288) and Location, and how the document tells of them."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

_PATH: Final = {"type": "string", "format": "uri-reference"}
LOCATION: Final[dict[str, Any]] = {
    "headers": {"Location": {"description": "Where it is.", "required": True, "schema": _PATH}}
}
NEXT_PAGE: Final[dict[str, Any]] = {
    "headers": {"Link": {"description": 'The next page, if there is one: rel="next".', "schema": {"type": "string"}}}
}


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Point from this page to the next one, if there is one: the same path and query with another cursor."""
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
