"""Makes the OpenAPI document exact: what every operation refuses, what every answer carries, what a parameter cannot be."""

from typing import Any, Final

from app.api.edge_errors import (
    BodyTooLarge,
    MalformedJson,
    MalformedParameters,
    OutcomeUnknown,
    RequestTimeout,
    ServiceUnavailable,
    TooManyRequests,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.api.middleware import REQUEST_ID
from app.api.problems import Problem, declare
from app.models.shape import never_null
from app.services.errors import Overloaded, Refusal

# What stands in the way of every request, whatever its route.
_EVERYWHERE: Final[tuple[type[Refusal], ...]] = (
    MalformedParameters,
    ValidationFailed,
    TooManyRequests,
    Overloaded,
    ServiceUnavailable,
)
_OF_BODIES: Final[dict[str, tuple[type[Refusal], ...]]] = {
    "application/json": (MalformedJson, RequestTimeout, BodyTooLarge, UnsupportedMediaType),
    "application/x-www-form-urlencoded": (RequestTimeout, BodyTooLarge, UnsupportedMediaType),
}
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-ID": {
        "description": "The id of this request in our logs: the one that was sent, or a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{REQUEST_ID}$"},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next attempt.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}
_HEADERS_OF_STATUS: Final = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}


def complete(document: dict[str, Any]) -> None:
    """Add to the document what FastAPI cannot know."""
    components = document["components"]
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"].update({**schema.pop("$defs"), "Problem": schema})
    components["headers"] = _HEADERS
    for path in document["paths"].values():
        for method, operation in path.items():
            _complete_operation(method, operation)


def _complete_operation(method: str, operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if "anyOf" in parameter["schema"]:
            never_null(parameter["schema"])  # there is no null in a URL or a header
    for kind in _refusals(method, operation):
        declare(operation["responses"], kind)
    operation["responses"] = dict(sorted(operation["responses"].items()))
    for status, response in operation["responses"].items():
        names = ("X-Request-ID", *_HEADERS_OF_STATUS.get(status, ()))
        response.setdefault("headers", {}).update({name: {"$ref": f"#/components/headers/{name}"} for name in names})


def _refusals(method: str, operation: dict[str, Any]) -> list[type[Refusal]]:
    kinds: list[type[Refusal]] = [*_EVERYWHERE]
    for media_type in operation.get("requestBody", {}).get("content", ()):
        kinds += _OF_BODIES[media_type]
    if method != "get":
        kinds.append(OutcomeUnknown)
    return kinds
