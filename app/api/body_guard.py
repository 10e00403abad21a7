"""A body that can be trusted to be what it says: no larger than its route takes, of the right type, and strict JSON."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import edge_errors
from app.api.parameters import check_form
from app.api.problems import problem_response
from app.services.errors import Refusal

BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods whose body, if any, nobody reads."""

JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How many bytes a body may have: `batch` at the paths of `batches`, `single` at all others."""

    single: int
    batch: int
    batches: Collection[str]

    def at(self, path: str) -> int:
        """The limit at this path."""
        return self.batch if path in self.batches else self.single


class BodyGuard:
    """Refuses a body that is too large while it arrives, of another type, or not strict JSON; passes the others on whole."""

    def __init__(self, app: ASGIApp, *, limits: BodyLimits, forms: Collection[str]) -> None:
        self._app = app
        self._limits = limits
        self._forms = frozenset(forms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] in BODILESS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            limit = self._limits.at(scope["path"])
            announced = headers.get("Content-Length", "0")
            if announced.isdigit() and int(announced) > limit:
                raise edge_errors.BodyTooLarge
            body = await read_body(receive, limit)
            if body:
                self._check(scope["path"], headers, body)
        except Refusal as refusal:
            response = problem_response(refusal, accept_language=headers.get("Accept-Language"))
            await response(scope, receive, send)
            return
        if body is None:
            return
        await self._app(scope, replay(body, receive), send)

    def _check(self, path: str, headers: Headers, body: bytes) -> None:
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise edge_errors.UnsupportedMediaType
        form = path in self._forms
        if media_type(headers.get("Content-Type", "")) != (_FORM if form else JSON):
            raise edge_errors.UnsupportedMediaType
        if form:
            check_form(body)
        else:
            read_json(body)


def media_type(content_type: str) -> str:
    """The type that a Content-Type names, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_plain_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the body says of itself that it is JSON, as it stands."""
    content_type = media_type(headers.get(b"content-type", b"").decode("latin-1"))
    return content_type == JSON and b"content-encoding" not in headers


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when the caller went away before its end. Raises BodyTooLarge as soon as it is longer than `limit`."""
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


def read_json(body: bytes) -> Any:
    """What the body says; raises MalformedJson unless it is strict JSON (RFC 8259; unique keys as I-JSON, RFC 7493, wants them)."""
    try:
        return _STRICT.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise edge_errors.MalformedJson from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        raise ValueError("a key stands twice")
    return keys


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_no_constant)


def replay(body: bytes, receive: Receive) -> Receive:
    """What was received as a whole, to be received again."""
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
