"""What every request passes on its way in and out: an id, a line in the log, and a body that can be trusted to be what it says."""

import json
import logging
import re
import time
import uuid
from collections.abc import Collection
from typing import Any, Final

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import edge_errors
from app.api.parameters import check_form
from app.api.problems import problem_response
from app.api.security_headers import missing_headers
from app.services.errors import Refusal

REQUEST_ID: Final = "[A-Za-z0-9._:/+=-]{1,100}"
"""The pattern of a caller's own X-Request-ID that is taken over."""

JSON_BODY: Final = "postagens.json"
"""The key of a scope under which the body stands that the guard has read already, as JSON."""

HEADERS_TO_ADD: Final = "postagens.headers"
"""The key of a scope under which headers stand that the answer gets, whatever it is."""

BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods whose body, if any, nobody reads."""

_log = logging.getLogger("app.access")


class RequestId:
    """Gives each request an id (the caller's X-Request-ID, or a new one), logs it, and sends it back with what browsers are told."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("X-Request-ID", "")
        request_id = given if re.fullmatch(REQUEST_ID, given) else uuid.uuid4().hex
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode()), *scope.get(HEADERS_TO_ADD, ())]
                message["headers"] = headers + missing_headers(scope["path"], headers)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                elapsed = (time.perf_counter() - started) * 1000
                # As it came, percent-encoded: nobody writes a line of his own.
                path = scope["raw_path"].decode("ascii", "backslashreplace")
                _log.info("%s %s %d %.1f ms", scope["method"], path, status, elapsed)


class BodyGuard:
    """Refuses a body that is too large while it arrives, of another type, or not strict JSON; passes the others on whole."""

    def __init__(
        self, app: ASGIApp, *, limit: int, batch_limit: int, batches: Collection[str], forms: Collection[str]
    ) -> None:
        self._app = app
        self._limit = limit
        self._batch_limit = batch_limit
        self._batches = frozenset(batches)
        self._forms = frozenset(forms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] in BODILESS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            body = await self._read(scope, headers, receive)
            if body:
                self._check(scope, headers, body)
        except Refusal as refusal:
            response = problem_response(refusal, accept_language=headers.get("Accept-Language"))
            await response(scope, receive, send)
            return
        if body is None:
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, headers: Headers, receive: Receive) -> bytes | None:
        """The whole body; None when the caller went away before its end."""
        limit = self._batch_limit if scope["path"] in self._batches else self._limit
        announced = headers.get("Content-Length", "0")
        if announced.isdigit() and int(announced) > limit:
            raise edge_errors.BodyTooLarge
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise edge_errors.BodyTooLarge
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)

    def _check(self, scope: Scope, headers: Headers, body: bytes) -> None:
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise edge_errors.UnsupportedMediaType
        media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if scope["path"] in self._forms:
            if media_type != "application/x-www-form-urlencoded":
                raise edge_errors.UnsupportedMediaType
            check_form(body)
        elif media_type != "application/json":
            raise edge_errors.UnsupportedMediaType
        else:
            scope[JSON_BODY] = read_json(body)


def read_json(body: bytes) -> Any:
    """What the body says; raises MalformedJson unless it is strict JSON (RFC 8259; unique keys as I-JSON, RFC 7493, wants them)."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise edge_errors.MalformedJson from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        raise ValueError("a key stands twice")
    return keys


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
