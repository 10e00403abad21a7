"""What the edge itself says no to, before any rule is asked. Each docstring is the sentence that the caller reads."""

from app.services.errors import Refusal


class ValidationFailed(Refusal):
    """The request does not have the shape that this route takes: `errors` lists each place and what is wrong there."""


class MalformedJson(Refusal):
    """The body is not one JSON document in UTF-8 with unique keys and finite numbers."""


class MalformedParameters(Refusal):
    """The query string or the form is not percent-encoded UTF-8, or gives a name twice that has one value."""


class UnsupportedMediaType(Refusal):
    """Send the body as application/json (POST /api/v1/auth/token and /revoke: application/x-www-form-urlencoded), not compressed."""


class RequestTimeout(Refusal):
    """The request did not arrive in time, and nothing was done: send it again, whole, on a new connection."""


class HeadTooLarge(Refusal):
    """The headers of this request are longer than 64 KB, and nothing was done: send fewer or shorter ones, on a new connection."""


class BodyTooLarge(Refusal):
    """The body is larger than this route takes: 64 KB, or 2 MB for a batch. Split it."""


class NotFound(Refusal):
    """There is nothing at this address: look at /docs for what there is."""


class MethodNotAllowed(Refusal):
    """This address does not take this method: the Allow header names those that it takes."""


class BadRequest(Refusal):
    """The request could not be read."""


class InvalidData(Refusal):
    """A value in this request is out of the range that can be stored."""


class ServiceUnavailable(Refusal):
    """The service cannot do this at the moment, and nothing was done: try again after the time in Retry-After."""


class OutcomeUnknown(Refusal):
    """The connection was lost while this was being saved: repeat the request with the same Idempotency-Key to find out or to finish it."""


class ServerError(Refusal):
    """An error of ours. It is in our logs under the X-Request-ID of this answer."""
