"""What the rules say no to. Each docstring is the sentence that the caller reads; none knows a status code."""

import re
from collections.abc import Sequence

from app.models.quotas import QuotaPolicy


class Refusal(Exception):
    """The request was refused."""

    def __init__(self, detail: str | None = None, *, places: Sequence[tuple[str, str]] = ()) -> None:
        self.detail = detail or self.sentence()
        self.places = places
        """What exactly is wrong: where, and what is wrong there."""
        super().__init__(self.detail)

    @classmethod
    def sentence(cls) -> str:
        """What the caller reads when nothing more exact is known."""
        return " ".join((cls.__doc__ or "").split())

    @classmethod
    def code(cls) -> str:
        """The machine-readable code: the name of the class in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class EmailTaken(Refusal):
    """A client with this e-mail is registered already: ask for a token with it, or register another e-mail."""


class InvalidCredentials(Refusal):
    """The e-mail or the password is wrong."""


class NotAuthenticated(Refusal):
    """This needs a valid access token (POST /api/v1/auth/token) or API key, sent as 'Authorization: Bearer …'."""


class MistypedApiKey(Refusal):
    """This begins as an API key does, and its checksum does not fit: look for a typing mistake, or for characters that were lost."""


class InvalidGrant(Refusal):
    """This refresh token is not good any more: it was used, or its session has ended or was never begun. Sign in again."""


class InvalidScope(Refusal):
    """A scope was asked for that does not exist or cannot be had here: leave `scope` out to get all that can."""


class InsufficientScope(Refusal):
    """What the request was made with does not have the scope that this needs."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"This needs the scope {scope}, which what the request was made with does not have.")


class WrongPassword(Refusal):
    """The current password is wrong, and nothing was changed."""


class GuessablePassword(Refusal):
    """Whoever guesses tries this password first, since many people have it, or since it is the account's own e-mail or name. Take
    another: four words that nobody else would put together are good."""


class ApiKeyNotFound(Refusal):
    """You have no API key with this id that is still good."""


class TooManyApiKeys(Refusal):
    """You have 50 API keys that are still good: revoke one that nobody uses."""


class ExpiryInPast(Refusal):
    """expires_at lies in the past: send a time to come, or none."""


class ClientSuspended(Refusal):
    """This account is suspended: nothing can be done with it until the operator of this service restores it."""


class OperatorOnly(Refusal):
    """Only an operator may do this."""


class ClientNotFound(Refusal):
    """There is no client with this id."""


class OwnAccount(Refusal):
    """You cannot suspend your own account: another operator can."""


class PostingNotFound(Refusal):
    """You have no posting with this tracking code."""


class StatusUpdateNotFound(Refusal):
    """You have no status update with this id."""


class WebhookEndpointNotFound(Refusal):
    """You have no webhook endpoint with this id."""


class WebhookDeliveryNotFound(Refusal):
    """You have no webhook delivery with this id."""


class TooManyWebhookEndpoints(Refusal):
    """You have 10 webhook endpoints already: delete one, or change one."""


class WebhookUrlRefused(Refusal):
    """Webhooks cannot be sent to this URL: it must be https, to a public address."""


class TrackingNotFound(Refusal):
    """No posting has this tracking code. A new one may take a moment to appear."""


class InvalidTrackingCode(Refusal):
    """This is not a tracking code: two letters, eight digits, a check digit that fits, two letters. Look for a typing mistake."""


class AddressIncomplete(Refusal):
    """A label needs the street of the sender and of the recipient, and this posting was created without: `errors` lists what is missing."""


class LabelSizeUnsupported(Refusal):
    """ZPL is for label printers, which have a6 and 100x150: ask for pdf or png to print on a4."""


class ReferenceTaken(Refusal):
    """You have a posting with this reference already."""

    def __init__(self, references: Sequence[str]) -> None:
        self.references = references
        super().__init__(f"You have postings with these references already: {', '.join(references)}.")


class DuplicateReference(Refusal):
    """The same reference stands twice in this request: references are unique."""


class PostedAtInFuture(Refusal):
    """posted_at lies more than 5 minutes ahead of the server's clock: send the time at which it was posted, with its offset."""


class OccurredAtInFuture(Refusal):
    """occurred_at lies more than 5 minutes ahead of the server's clock: send the time at which it happened, with its offset."""


class TrackingCodesExhausted(Refusal):
    """Every tracking code of the configured prefixes is used: the operator of this service must add a prefix."""


class UnknownScenario(Refusal):
    """A test posting's reference that begins with 'test:' names a scenario, and this one does not: test:returned@2:order-7 does."""


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was used with another request: repeat that request unchanged, or take a new key."""


class InvalidIdempotencyKey(Refusal):
    """An Idempotency-Key is 1 to 255 printable ASCII characters."""


class InvalidCursor(Refusal):
    """This cursor is not one that a page gave out: take next_cursor as it is, with the same sort, or begin without one."""


class AlreadyInStatus(Refusal):
    """The posting is in this status already, and the update has no place and no description that would make it a scan."""


class AlreadyRecorded(Refusal):
    """The history already holds this very step."""


class IllegalTransition(Refusal):
    """The posting's status may not be followed by this one."""


class OutOfSequence(Refusal):
    """At the time given, the steps before and after do not allow this status."""


class HistoryFull(Refusal):
    """The history of this posting has reached its limit of 1 000 steps."""


class InternalError(Refusal):
    """The update could not be decided because of an error of ours; an operator sees it and can have it decided again."""


class TooManyCodes(Refusal):
    """Ask for at most 50 tracking codes at once."""


class Overloaded(Refusal):
    """The service has more to do than it can, and nothing was done: try again after the time in Retry-After."""


class PostingHeld(Refusal):
    """Another transaction holds this posting at the moment, and nothing was done: ask again soon, with the same Idempotency-Key."""


class BacklogFull(Refusal):
    """Too many status updates wait to be decided, and nothing was done: try again after the time in Retry-After."""


class QuotaExceeded(Refusal):
    """You have used up a quota, which `violated-policies` names; nothing was done. Try again after Retry-After, or use the batch routes."""

    def __init__(self, policy: QuotaPolicy, *, retry_after: int) -> None:
        self.policy = policy
        self.retry_after = retry_after
        """In seconds."""
        super().__init__()


class ShuttingDown(Refusal):
    """This process is about to stop: send requests to another one."""
