"""The operations that are asked most, without FastAPI's own work: what the short way takes requests to.

A lean route calls the same function with the same arguments as FastAPI would, and writes its answer the same way.
"""

import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.params import Security
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import TypeAdapter
from starlette.responses import Response

from app.api.body_guard import read_json
from app.api.cross_origin import cross_origin_headers
from app.api.security_headers import Header, missing_headers
from app.api.whole_answers import written_lines
from app.core.deps import (
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

HOT: Final = frozenset({"request_status_update", "request_status_updates", "create_postings", "get_posting", "track"})
"""The operations that have a lean route."""

CONTENT_TYPE: Final[Header] = (b"content-type", b"application/json")
"""That of all their answers."""


@dataclass(slots=True)
class Asked:
    """What a request brought, as far as a lean route looks at it."""

    parts: Parts
    place: re.Match[str]
    headers: Mapping[bytes, bytes]
    credential: Credential | None = None
    body: bytes = b""

    def permit(self, scope: str) -> object:
        """The caller, who may do what the scope is for; raises NotInOrder when there is none, and InsufficientScope."""
        if self.credential is None:
            raise NotInOrder
        return self.credential.permit(scope)

    @property
    def idempotency_key(self) -> str | None:
        """Its Idempotency-Key, if it has one; raises InvalidIdempotencyKey."""
        key = self.headers.get(b"idempotency-key")
        return None if key is None else check_idempotency_key(key.decode("latin-1"))


class NotInOrder(Exception):
    """The application has to look at this one."""


class AddedHeaders:
    """Stands for the Response that a function adds to: it has the headers, and nothing else."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}


def as_headers(added: Mapping[str, str]) -> list[Header]:
    """The headers that a function has added, as ASGI wants them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in added.items()]


_Argument = Callable[[Asked], Any]
_ARGUMENTS: Final[tuple[tuple[object, _Argument], ...]] = (
    (PartsDep, attrgetter("parts")),
    (ReaderDep, lambda asked: asked.parts.database.reader),
    (IdempotencyKeyDep, attrgetter("idempotency_key")),
    # A code that is written as it is stored: only then is it sure that the path is of no other route.
    (TrackingCodePath, lambda asked: asked.place[1]),
    (Response, lambda _asked: AddedHeaders()),
)


def _argument(annotation: Any) -> _Argument:
    """How to find the argument that a route's function wants; the same as FastAPI would find."""
    if inspect.isclass(annotation) and issubclass(annotation, Shape):
        return lambda asked: annotation.model_validate(read_json(asked.body))
    for told in getattr(annotation, "__metadata__", ()):
        if isinstance(told, Security):
            (needed,) = list(told.scopes or ())
            return lambda asked: asked.permit(needed)
    return next(find for kind, find in _ARGUMENTS if kind == annotation)


class LeanRoute:
    """One operation."""

    def __init__(self, context: RouteContext) -> None:
        self._endpoint: Callable[..., Any] = cast("Callable[..., Any]", context.endpoint)
        self._status = context.status_code or 200
        (self.method,) = context.methods or {""}
        self._template = context.path or ""
        self._lines: dict[tuple[str, ...], bytes] = {}
        self.path: Final = re.compile(self._template.replace("{tracking_code}", f"({TRACKING_CODE})"))
        signature = inspect.signature(self._endpoint, eval_str=True)
        self._to_json: Callable[..., bytes] = TypeAdapter(signature.return_annotation).serializer.to_json
        wanted = {name: parameter.annotation for name, parameter in signature.parameters.items()}
        self._transaction = next((name for name, kind in wanted.items() if kind == TransactionDep), None)
        self._response = next((name for name, kind in wanted.items() if kind is Response), None)
        self._arguments = [(name, _argument(kind)) for name, kind in wanted.items() if kind != TransactionDep]

    def arguments(self, asked: Asked) -> dict[str, Any]:
        """What the function is called with; raises NotInOrder, a Refusal or pydantic's ValidationError."""
        return {name: find(asked) for name, find in self._arguments}

    async def answer(self, parts: Parts, arguments: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        """Call the function; status and body of its answer, and the headers that it adds."""
        if self._transaction is None:
            body = self._to_json(await self._endpoint(**arguments), by_alias=True)
        else:
            async with parts.database.transaction() as transaction:
                body = self._to_json(
                    await self._endpoint(**arguments, **{self._transaction: transaction}), by_alias=True
                )
        added: Mapping[str, str] = arguments[self._response].headers if self._response else {}
        return self._status, added, body

    def lines(self, added: Mapping[str, str]) -> bytes:
        """The header lines that all its answers have besides what one adds: made once for each set of names that is added."""
        names = tuple(added)
        if (known := self._lines.get(names)) is None:
            more = [
                *missing_headers(self._template, as_headers(added)),
                *cross_origin_headers(self.method, self._template),
            ]
            known = self._lines[names] = written_lines([CONTENT_TYPE, *more])
        return known


class LeanRoutes:
    """A lean route for each of the hot operations."""

    def __init__(self, app: FastAPI) -> None:
        self._of_method: dict[str, list[LeanRoute]] = defaultdict(list)
        for context in iter_route_contexts(app.routes):
            if context.name in HOT:
                route = LeanRoute(context)
                self._of_method[route.method].append(route)

    def find(self, method: str, path: str) -> tuple[LeanRoute, re.Match[str]] | None:
        """The one that answers this, and where the path has what it asks for; None when that is for the application."""
        for route in self._of_method.get(method, ()):
            if place := route.path.fullmatch(path):
                return route, place
        return None
