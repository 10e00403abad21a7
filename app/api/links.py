"""Links between pages: RFC 8288."""

from starlette.requests import Request
from starlette.responses import Response


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Point from this page to the next one, if there is one: the same path and query with another cursor."""
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
