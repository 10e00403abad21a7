"""What every request passes on its way in and out: an id, a line in the log, and the headers that every answer has."""

import itertools
import re
import secrets
import time
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.security_headers import Header, missing_headers
from app.core.access_log import access_log
from app.core.logging import telling

REQUEST_ID: Final = "[A-Za-z0-9._:/+=-]{1,100}"
"""The pattern of a caller's own X-Request-ID that is taken over."""

HEADERS_TO_ADD: Final = "postagens.headers"
"""The key of a scope under which headers stand that the answer gets, whatever it is."""

INCOMING: Final = "postagens.incoming"
"""The key of a scope under which the request stands as it came."""

_GIVEN: Final = re.compile(REQUEST_ID)
# Ids only have to differ, between processes too: to ask the system for random bytes each time would cost more than the rest.
_OF_PROCESS: Final = secrets.token_hex(8)
_numbers: Final = itertools.count()


def new_request_id() -> str:
    """The id of a request that brought none."""
    return f"{_OF_PROCESS}{next(_numbers):016x}"


class Incoming:
    """A request that has come: its id, and what is said of it when it is answered."""

    __slots__ = ("_came", "id")

    def __init__(self, given: str) -> None:
        """`given` is the caller's own id, or empty."""
        self._came = time.perf_counter()
        self.id: Final = given if given and _GIVEN.fullmatch(given) else new_request_id()

    def headers(self, scope: Scope, answered: list[Header]) -> list[Header]:
        """What its answer gets besides the headers that it has."""
        headers = [(b"x-request-id", self.id.encode()), *scope.get(HEADERS_TO_ADD, ())]
        return headers + missing_headers(scope["path"], answered)

    def log(self, method: str, raw_path: str, status: int) -> None:
        """Its line in the log; the path as it came, percent-encoded: nobody writes a line of his own."""
        access_log.tell(self.id, method, raw_path, status, (time.perf_counter() - self._came) * 1000)


def incoming(scope: Scope, given: str) -> Incoming:
    """The request of this scope, which is the same one wherever it is looked at; `given` is its X-Request-ID."""
    known: Incoming = scope.get(INCOMING) or scope.setdefault(INCOMING, Incoming(given))
    return known


def raw_path(scope: Scope) -> str:
    """The path as it came."""
    path: bytes = scope["raw_path"]
    return path.decode("ascii", "backslashreplace")


class RequestId:
    """Gives each request an id (the caller's X-Request-ID, or a new one), logs it, and sends it back with what browsers are told."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = incoming(scope, Headers(scope=scope).get("X-Request-ID", ""))
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *request.headers(scope, message["headers"])]
            await send(message)

        with telling(request.id):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception:
                status = status or HTTPStatus.INTERNAL_SERVER_ERROR
                raise
            finally:
                request.log(scope["method"], raw_path(scope), status)
