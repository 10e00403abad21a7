"""Makes the OpenAPI document exact: what every operation refuses, what every answer carries, what a parameter cannot be."""

from typing import Any, Final

from app.api.admission import EXEMPT
from app.api.edge_errors import (
    BodyTooLarge,
    MalformedJson,
    MalformedParameters,
    OutcomeUnknown,
    RequestTimeout,
    ServiceUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.api.problems import Problem, declare
from app.api.request_id import REQUEST_ID
from app.models.shape import never_null
from app.services.errors import (
    ClientSuspended,
    InsufficientScope,
    MistypedApiKey,
    NotAuthenticated,
    Overloaded,
    QuotaExceeded,
    Refusal,
)

# What stands in the way of every request, whatever its route.
_EVERYWHERE: Final[tuple[type[Refusal], ...]] = (
    MalformedParameters,
    ValidationFailed,
    QuotaExceeded,
    Overloaded,
    ServiceUnavailable,
)
_OF_CREDENTIALS: Final[tuple[type[Refusal], ...]] = (
    NotAuthenticated,
    MistypedApiKey,
    ClientSuspended,
    InsufficientScope,
)
_OF_BODIES: Final[dict[str, tuple[type[Refusal], ...]]] = {
    "application/json": (MalformedJson, RequestTimeout, BodyTooLarge, UnsupportedMediaType),
    "application/x-www-form-urlencoded": (RequestTimeout, BodyTooLarge, UnsupportedMediaType),
}
_POLICY: Final = '"[a-z-]+";q=[0-9]+(;w=[0-9]+)?(;qu="concurrent-requests")?'
_LIMIT: Final = '"[a-z-]+";r=[0-9]+(;t=[0-9]+)?'


def _listed(item: str) -> str:
    """A List of Structured Fields (RFC 9651, section 3.1)."""
    return f"{item}(, ?{item})*"


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
    "RateLimit-Policy": {
        "description": "The quotas that this request counts for (draft-ietf-httpapi-ratelimit-headers-11): `q` requests in `w` seconds.",
        "schema": {"type": "string", "pattern": f"^{_listed(_POLICY)}$"},
        "example": '"client";q=60000;w=60',
    },
    "RateLimit": {
        "description": "What is left of them: `r` requests now, and more in `t` seconds.",
        "schema": {"type": "string", "pattern": f"^{_listed(_LIMIT)}$"},
        "example": '"client";r=59999;t=1',
    },
}
_QUOTAS: Final = ("RateLimit-Policy", "RateLimit")
_HEADERS_OF_STATUS: Final = {
    "401": ("WWW-Authenticate",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}


def complete(document: dict[str, Any]) -> None:
    """Add to the document what FastAPI cannot know."""
    components = document["components"]
    schema = Problem.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    components["schemas"].update({**schema.pop("$defs"), "Problem": schema})
    components["headers"] = _HEADERS
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete_operation(method, operation, counted=not path.startswith(EXEMPT))


def _complete_operation(method: str, operation: dict[str, Any], *, counted: bool) -> None:
    for parameter in operation.get("parameters", ()):
        if "anyOf" in parameter["schema"]:
            never_null(parameter["schema"])  # there is no null in a URL or a header
    for kind in _refusals(method, operation):
        declare(operation["responses"], kind)
    operation["responses"] = dict(sorted(operation["responses"].items()))
    for status, response in operation["responses"].items():
        names = ("X-Request-ID", *_HEADERS_OF_STATUS.get(status, ()), *(_QUOTAS if counted else ()))
        headers = response.setdefault("headers", {})
        headers.update({name: {"$ref": f"#/components/headers/{name}"} for name in names})
        if status == "429":
            headers.update({name: {**_HEADERS[name], "required": True} for name in _QUOTAS})


def _refusals(method: str, operation: dict[str, Any]) -> list[type[Refusal]]:
    kinds: list[type[Refusal]] = [*_EVERYWHERE]
    for media_type in operation.get("requestBody", {}).get("content", ()):
        kinds += _OF_BODIES[media_type]
    if "security" in operation:
        kinds += _OF_CREDENTIALS
    if method != "get":
        kinds.append(OutcomeUnknown)
    return kinds
