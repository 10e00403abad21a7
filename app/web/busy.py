"""A page instead of a problem, for people who come while nothing can be looked up: the same status, and when to come back."""

from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.rendering import render_page
from app.web.texts import ENGLISH, PORTUGUESE, Texts, preferred_texts

_TRACKING: Final = (PORTUGUESE.address, ENGLISH.address)
_STATUSES: Final = frozenset({429, 500, 503})


class BusyPages:
    """Around all the rest, since also the door turns people away; a program that asks for no HTML still gets its problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # Made beforehand: an overloaded process has no time to make one.
        self._pages = {texts.lang: render_page(texts, "busy") for texts in (PORTUGUESE, ENGLISH)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and _is_page(scope["path"]) and scope["method"] == "GET":
            headers = Headers(scope=scope)
            if "text/html" in headers.get("Accept", ""):
                send = self._as_page(send, _texts(scope, headers))
        await self._app(scope, receive, send)

    def _as_page(self, send: Send, texts: Texts) -> Send:
        page = self._pages[texts.lang]
        replaced = False

        async def send_page(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] in _STATUSES:
                replaced = True
                headers = MutableHeaders(raw=list(message["headers"]))
                headers.update(page.headers)
                await send({**message, "headers": headers.raw})
                await send({"type": "http.response.body", "body": page.body})
            elif not replaced:
                await send(message)

        return send_page


def _is_page(path: str) -> bool:
    return path == "/" or path.startswith(_TRACKING)


def _texts(scope: Scope, headers: Headers) -> Texts:
    """The language that the page itself would have had."""
    for texts in (PORTUGUESE, ENGLISH):
        if scope["path"].startswith(texts.address):
            return texts
    chosen = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0]
    return preferred_texts(chosen or headers.get("Accept-Language", ""))
