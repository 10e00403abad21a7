"""Lets pages of any origin read public tracking (CORS, the Fetch standard), and nothing else: so shops show where a parcel is."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.security_headers import Header
from app.api.whole_answers import WRITER, Writer

_TRACKING: Final = "/api/v1/tracking"
# The same for everybody, so that no cache has to tell origins apart. Credentials are not among what "*" allows, and the requests that
# pages may make without asking before (GET, without headers of their own) are all there is: OPTIONS stays 405.
_HEADERS: Final[tuple[Header, ...]] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"),
)


class CrossOriginTracking:
    """Around all the rest, so that a page can also read why there is no answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and cross_origin_headers(scope["method"], scope["path"]):
            send = _readable(send)
            if WRITER in scope:
                scope[WRITER] = _readable_at_once(scope[WRITER])
        await self._app(scope, receive, send)


def cross_origin_headers(method: str, path: str) -> tuple[Header, ...]:
    """What an answer to this method at this path gets, on whichever way it is given."""
    is_public = method == "GET" and path.startswith(_TRACKING) and path[len(_TRACKING) :][:1] in ("", "/")
    return _HEADERS if is_public else ()


def _readable(send: Send) -> Send:
    async def send_readable(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_HEADERS]}
        await send(message)

    return send_readable


def _readable_at_once(writer: Writer) -> Writer:
    return lambda status, headers, body: writer(status, [*headers, *_HEADERS], body)
