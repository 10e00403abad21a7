"""A refusal becomes an RFC 9457 answer: the one place that knows both, and the catalogue at /problems."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api import edge_errors, portuguese
from app.api.security_headers import DATA_POLICY, NO_STORE
from app.models.shape import Shape, never_null
from app.services import errors
from app.services.errors import Refusal

STATUS_OF: Final[dict[type[Refusal], int]] = {
    edge_errors.BadRequest: 400,
    edge_errors.MalformedJson: 400,
    edge_errors.MalformedParameters: 400,
    errors.InvalidCursor: 400,
    errors.InvalidGrant: 400,
    errors.InvalidIdempotencyKey: 400,
    errors.InvalidScope: 400,
    errors.InvalidCredentials: 401,
    errors.MistypedApiKey: 401,
    errors.NotAuthenticated: 401,
    errors.ClientSuspended: 403,
    errors.InsufficientScope: 403,
    errors.OperatorOnly: 403,
    errors.WrongPassword: 403,
    edge_errors.NotFound: 404,
    errors.ApiKeyNotFound: 404,
    errors.ClientNotFound: 404,
    errors.PostingNotFound: 404,
    errors.StatusUpdateNotFound: 404,
    errors.TrackingNotFound: 404,
    errors.WebhookDeliveryNotFound: 404,
    errors.WebhookEndpointNotFound: 404,
    edge_errors.MethodNotAllowed: 405,
    edge_errors.RequestTimeout: 408,
    errors.AddressIncomplete: 409,
    errors.AlreadyInStatus: 409,
    errors.AlreadyRecorded: 409,
    errors.EmailTaken: 409,
    errors.HistoryFull: 409,
    errors.IllegalTransition: 409,
    errors.OutOfSequence: 409,
    errors.OwnAccount: 409,
    errors.ReferenceTaken: 409,
    errors.TooManyApiKeys: 409,
    errors.TooManyWebhookEndpoints: 409,
    edge_errors.BodyTooLarge: 413,
    edge_errors.UnsupportedMediaType: 415,
    edge_errors.InvalidData: 422,
    edge_errors.ValidationFailed: 422,
    errors.DuplicateReference: 422,
    errors.ExpiryInPast: 422,
    errors.GuessablePassword: 422,
    errors.IdempotencyKeyReused: 422,
    errors.InvalidTrackingCode: 422,
    errors.LabelSizeUnsupported: 422,
    errors.OccurredAtInFuture: 422,
    errors.PostedAtInFuture: 422,
    errors.TooManyCodes: 422,
    errors.UnknownScenario: 422,
    errors.WebhookUrlRefused: 422,
    errors.QuotaExceeded: 429,
    edge_errors.HeadTooLarge: 431,
    edge_errors.ServerError: 500,
    errors.InternalError: 500,
    edge_errors.OutcomeUnknown: 503,
    edge_errors.ServiceUnavailable: 503,
    errors.BacklogFull: 503,
    errors.Overloaded: 503,
    errors.PostingHeld: 503,
    errors.ShuttingDown: 503,
    errors.TrackingCodesExhausted: 503,
}
_OAUTH_ERRORS: Final[dict[type[Refusal], str]] = {
    errors.ClientSuspended: "invalid_grant",
    errors.InvalidCredentials: "invalid_grant",
    errors.InvalidGrant: "invalid_grant",
    errors.InvalidScope: "invalid_scope",
}
# What is registered has a type that clients of any API know (RFC 9457, section 4.2; draft-ietf-httpapi-ratelimit-headers-11, section 5.1).
_REGISTERED_TYPES: Final[dict[type[Refusal], str]] = {
    errors.QuotaExceeded: "https://iana.org/assignments/http-problem-types#quota-exceeded",
}
MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_SECONDS: Final = 2
# Here, since a problem may be answered where no middleware is passed any more. What was refused now may be granted a moment later.
_HEADERS: Final = {"Content-Security-Policy": DATA_POLICY, "Cache-Control": NO_STORE}


class InvalidPlace(Shape):
    """One thing that is wrong: where (a JSON pointer into the body, or a parameter), and what."""

    place: str = Field(examples=["body#/weight_g"])
    detail: str


class Problem(Shape):
    """RFC 9457, with a `code` for machines. `type` leads to its page of the catalogue, `/problems/{code}`, or is a registered one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/posting_not_found",
                    "title": "Posting not found",
                    "status": 404,
                    "detail": errors.PostingNotFound.sentence(),
                    "code": "posting_not_found",
                }
            ]
        }
    )

    type: str = Field(
        pattern="^(/problems/[a-z_]+|https://iana\\.org/assignments/http-problem-types#[a-z-]+)$",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str = Field(json_schema_extra={"enum": [*sorted(kind.code() for kind in STATUS_OF)]})
    errors: list[InvalidPlace] | None = Field(default=None, json_schema_extra=never_null)
    references: list[str] | None = Field(default=None, json_schema_extra=never_null)
    violated_policies: list[str] | None = Field(
        default=None,
        serialization_alias="violated-policies",
        description="Which quotas are used up, by the names that the RateLimit headers have for them.",
        json_schema_extra=never_null,
    )
    scope: str | None = Field(default=None, description="The scope that is missing.", json_schema_extra=never_null)
    error: str | None = Field(
        default=None,
        description="The same for a client of OAuth 2.0, as RFC 6749, section 5.2, names it.",
        json_schema_extra=never_null,
    )


def type_of(kind: type[Refusal]) -> str:
    """What identifies the kind of problem: a registered URI, or the address of its page of the catalogue."""
    return _REGISTERED_TYPES.get(kind, f"/problems/{kind.code()}")


def title_of(kind: type[Refusal]) -> str:
    """The English title."""
    return kind.code().replace("_", " ").capitalize()


def prefers_portuguese(accept_language: str | None) -> bool:
    """Whether the first language that both sides know is Portuguese (quality values are not weighed, only the order)."""
    for item in (accept_language or "").split(","):
        language = item.partition(";")[0].strip().lower()
        if language.startswith("pt"):
            return True
        if language.startswith("en"):
            return False
    return False


def problem_response(
    refusal: Refusal,
    *,
    accept_language: str | None,
    places: Sequence[InvalidPlace] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to a refusal, in the caller's language."""
    kind = type(refusal)
    status = STATUS_OF[kind]
    title, detail = title_of(kind), refusal.detail
    if prefers_portuguese(accept_language):
        title, detail = portuguese.TEXTS[kind.code()]
    problem = Problem(
        type=type_of(kind),
        title=title,
        status=status,
        detail=detail,
        code=kind.code(),
        errors=[*(places or ()), *(InvalidPlace(place=place, detail=what) for place, what in refusal.places)] or None,
        references=list(refusal.references) if isinstance(refusal, errors.ReferenceTaken) else None,
        violated_policies=[refusal.policy.name] if isinstance(refusal, errors.QuotaExceeded) else None,
        scope=refusal.scope if isinstance(refusal, errors.InsufficientScope) else None,
        error=_OAUTH_ERRORS.get(kind),
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True, by_alias=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**_HEADERS, **_headers_of(refusal, status), **(headers or {})},
    )


def _headers_of(refusal: Refusal, status: int) -> dict[str, str]:
    """What the status calls for (RFC 9110, RFC 6750): how to authenticate, when to come back."""
    if isinstance(refusal, errors.InsufficientScope):
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{refusal.scope}"'}
    if isinstance(refusal, errors.QuotaExceeded):
        return {
            "Retry-After": str(refusal.retry_after),
            "RateLimit-Policy": refusal.policy.told.decode(),
            "RateLimit": refusal.policy.told_left(0, refusal.retry_after).decode(),
        }
    match status:
        case 401:
            return {"WWW-Authenticate": "Bearer"}
        case 503:
            return {"Retry-After": str(_RETRY_AFTER_SECONDS)}
        case _:
            return {}


def answer(request: Request, refusal: Refusal, **more: Any) -> Response:
    """The answer to a refusal of this request."""
    return problem_response(refusal, accept_language=request.headers.get("Accept-Language"), **more)


def declares(*kinds: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for OpenAPI: the refusals it may give, by status, each with an example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        declare(responses, kind)
    return responses


def declare(responses: dict[int | str, dict[str, Any]], kind: type[Refusal]) -> None:
    """Add one refusal to the `responses` of an operation; a status lists the codes that it may have there, and no others.

    The schema is named, not given as a model: FastAPI would say that it is sent as application/json. `document.complete` supplies it.
    """
    status = STATUS_OF[kind]
    codes: dict[str, Any] = {"properties": {"status": {"const": status}, "code": {"enum": []}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, codes]}
    entry = responses.setdefault(
        str(status), {"description": "", "content": {MEDIA_TYPE: {"schema": schema, "examples": {}}}}
    )
    content = entry["content"][MEDIA_TYPE]
    if kind.code() not in content["examples"]:
        entry["description"] = ", ".join(filter(None, [entry["description"], title_of(kind)]))
        content["examples"][kind.code()] = {"value": example_of(kind)}
        content["schema"]["allOf"][1]["properties"]["code"]["enum"].append(kind.code())


def example_of(kind: type[Refusal]) -> dict[str, Any]:
    """A problem of this kind, as it is answered."""
    return {
        "type": type_of(kind),
        "title": title_of(kind),
        "status": STATUS_OF[kind],
        "detail": kind.sentence(),
        "code": kind.code(),
        **({"violated-policies": ["client"]} if kind is errors.QuotaExceeded else {}),
    }
