"""The short way to the routes that are asked most: for a request in which all is in order, FastAPI's own work is left out.

The routes stay what they are. A lean route calls the same function with the same arguments and writes its answer the same way; it
takes a request only when every argument was found in order. Any other goes on to the ordinary route, which says what is wrong: no
refusal, sentence or code exists twice.
"""

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.params import Security
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import ValidationError
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.api.middleware import JSON_BODY
from app.core.deps import (
    OUTCOME,
    IdempotencyKeyDep,
    Parts,
    PartsDep,
    ReaderDep,
    TrackingCodePath,
    TransactionDep,
    check_idempotency_key,
)
from app.models.fields import TRACKING_CODE
from app.models.shape import Shape
from app.services.authentication import Credential
from app.services.errors import Refusal

HOT: Final = frozenset({"request_status_update", "request_status_updates", "create_postings", "get_posting", "track"})
"""The operations that have a lean route."""

_PREPARED: Final = "postagens.prepared"
_ONCE: Final = (b"authorization", b"idempotency-key")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request brought, as far as a lean route looks at it."""

    parts: Parts
    scope: Scope
    place: re.Match[str]
    headers: Mapping[bytes, str]

    @property
    def credential(self) -> Credential:
        if isinstance(credential := self.scope.get(OUTCOME), Credential):
            return credential
        raise _NotPlain

    @property
    def idempotency_key(self) -> object:
        return check_idempotency_key(self.headers.get(b"idempotency-key"))


class _NotPlain(Exception):
    """The ordinary route has to look at this one."""


_Argument = Callable[[_Asked], Any]
_ARGUMENTS: Final[tuple[tuple[object, _Argument], ...]] = (
    (PartsDep, lambda asked: asked.parts),
    (ReaderDep, lambda asked: asked.parts.database.reader),
    (IdempotencyKeyDep, lambda asked: asked.idempotency_key),
    # A code that is written as it is stored: only then is it sure that the path is of no other route.
    (TrackingCodePath, lambda asked: asked.place[1]),
    (Response, lambda _asked: Response()),
)


def _argument(annotation: Any) -> _Argument:
    """How to find the argument that a route's function wants; the same as FastAPI would find."""
    if inspect.isclass(annotation) and issubclass(annotation, Shape):
        return lambda asked: annotation.model_validate(asked.scope[JSON_BODY])
    for told in getattr(annotation, "__metadata__", ()):
        if isinstance(told, Security):
            (needed,) = list(told.scopes or ())
            return lambda asked: asked.credential.permit(needed)
    return next(find for kind, find in _ARGUMENTS if kind == annotation)


class LeanRoute(BaseRoute):
    """One operation."""

    def __init__(self, app: FastAPI, context: RouteContext) -> None:
        self._app = app
        self._endpoint: Callable[..., Any] = cast("Callable[..., Any]", context.endpoint)
        self._field: Any = context.response_field
        self._status = context.status_code or 200
        (self._method,) = context.methods or {""}
        self._path = re.compile((context.path or "").replace("{tracking_code}", f"({TRACKING_CODE})"))
        wanted = {
            name: parameter.annotation
            for name, parameter in inspect.signature(self._endpoint, eval_str=True).parameters.items()
        }
        self._transaction = next((name for name, kind in wanted.items() if kind == TransactionDep), None)
        self._response = next((name for name, kind in wanted.items() if kind is Response), None)
        self._arguments = [(name, _argument(kind)) for name, kind in wanted.items() if kind != TransactionDep]

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FULL for a request in which all is in order, NONE for any other."""
        if scope["type"] != "http" or scope["method"] != self._method or scope["query_string"]:
            return Match.NONE, {}
        place = self._path.fullmatch(scope["path"])
        if place is None or scope.get("root_path"):
            return Match.NONE, {}
        try:
            asked = _Asked(self._app.state.parts, scope, place, _headers(scope))
            return Match.FULL, {_PREPARED: (asked.parts, {name: find(asked) for name, find in self._arguments})}
        except (Refusal, ValidationError, KeyError, _NotPlain):
            return Match.NONE, {}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the route's function, and answer. What it raises goes to the same handlers as ever."""
        parts, arguments = scope[_PREPARED]
        if self._transaction is None:
            body = self._write(await self._endpoint(**arguments))
        else:
            async with parts.database.transaction() as transaction:
                body = self._write(await self._endpoint(**arguments, **{self._transaction: transaction}))
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
        if self._response is not None:
            headers += [each for each in arguments[self._response].raw_headers if each[0] != b"content-length"]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _write(self, result: object) -> bytes:
        body: bytes = self._field.serialize_json(result)
        return body


def _headers(scope: Scope) -> dict[bytes, str]:
    """The headers that an argument is made of; one that came twice is for the ordinary route."""
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in _ONCE:
            if name in found:
                raise _NotPlain
            found[name] = value.decode("latin-1")
    return found


def add_lean_routes(app: FastAPI, names: Collection[str] = HOT) -> None:
    """Put a lean route for each of these operations before all others; the OpenAPI document does not change by it."""
    routes = [LeanRoute(app, context) for context in iter_route_contexts(app.routes) if context.name in names]
    app.router.routes[:0] = routes
