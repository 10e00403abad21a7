"""Shapes of webhooks: endpoints, what was delivered to them, and the events themselves."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, get_args
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
)

from app.models.fields import Id, LongText, ShortText, Status, Timestamp, TrackingCode, Uf
from app.models.shape import Cursor, NextCursor, PageLength, Query, Shape, never_null
from app.models.status_updates import RefusalReason

EventType: TypeAlias = Literal["posting.created", "posting.status_changed", "posting.scanned", "status_update.refused"]
"""What an endpoint may ask to hear of."""
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
DeliveredType: TypeAlias = Literal[
    "posting.created", "posting.status_changed", "posting.scanned", "status_update.refused", "webhook.test"
]
"""What an endpoint may hear of: also of a test that its owner asks for."""
DeliveryState: TypeAlias = Literal["waiting", "sending", "delivered", "failed"]
DisabledReason: TypeAlias = Literal["by_owner", "gone", "failing"]

_MESSAGE_ID = "msg_[0-9a-f]{32}"


def message_id(delivery_id: UUID) -> str:
    """The id of a delivery as the outside knows it: the webhook-id of every attempt."""
    return f"msg_{delivery_id.hex}"


def _parse_message_id(value: object) -> object:
    if isinstance(value, str) and value.startswith("msg_") and len(value) == len("msg_") + 32:
        return UUID(hex=value.removeprefix("msg_"))
    if not isinstance(value, UUID):
        raise ValueError("must be the webhook-id of a delivery: msg_ and 32 hexadecimal digits")
    return value


def _each_once(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("must name each only once")
    return values


def _write_scheme_small(url: str) -> str:
    """HTTPS:// is https:// (RFC 3986, section 3.1), and lies in the database as that."""
    scheme, colon, rest = url.partition(":")
    return scheme.lower() + colon + rest


MessageId = Annotated[
    UUID,
    BeforeValidator(_parse_message_id),
    Field(strict=False),
    PlainSerializer(message_id, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_MESSAGE_ID}$", "examples": ["msg_019ab8e0f6a47c3d9b1e2f3a4b5c6d7e"]}
    ),
]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        description="Where to post events: https, a public address.",
        examples=["https://loja.example/webhooks"],
        json_schema_extra={"format": "webhook-url"},
    ),
    AfterValidator(_write_scheme_small),
]
EventTypes = Annotated[
    list[EventType],
    Field(min_length=1, max_length=len(EVENT_TYPES), json_schema_extra={"uniqueItems": True}),
    AfterValidator(_each_once),
]
Statuses = Annotated[
    list[Status],
    Field(
        min_length=1,
        max_length=5,
        description="Only events about these statuses: of a step its own, of a refused update the one asked for. null: all.",
        json_schema_extra={"uniqueItems": True},
    ),
    AfterValidator(_each_once),
]


class NewWebhookEndpoint(Shape):
    """An endpoint to be created; what is left out means everything."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://loja.example/webhooks",
                    "description": "Painel de entregas",
                    "event_types": ["posting.status_changed", "status_update.refused"],
                    "statuses": ["delivered", "returned"],
                }
            ]
        }
    )

    url: Url
    description: LongText | None = None
    event_types: EventTypes = Field(default_factory=lambda: [*EVENT_TYPES])
    statuses: Statuses | None = None
    enabled: bool = True


class WebhookEndpointChanges(Shape):
    """What is changed of an endpoint; a field that is not sent stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": True, "statuses": None}]})

    url: Url | None = Field(default=None, json_schema_extra=never_null)
    description: LongText | None = None
    event_types: EventTypes | None = Field(default=None, json_schema_extra=never_null)
    statuses: Statuses | None = None
    enabled: bool | None = Field(default=None, json_schema_extra=never_null)

    @field_validator("url", "event_types", "enabled")
    @classmethod
    def _is_not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("may be left out, but not be null")
        return value


class WebhookEndpoint(Shape):
    """An endpoint as its owner sees it.

    `disabled_reason` is `by_owner`, `gone` (it answered 410) or `failing` (nothing was delivered for days); `failing_since` is the first
    failure after the last success; until `paused_until` nothing is sent, as the endpoint's Retry-After asked; the secret before the current
    one signs too until `previous_secret_until`.
    """

    id: UUID
    url: Url
    description: str | None
    event_types: list[EventType]
    statuses: list[Status] | None
    enabled: bool
    disabled_reason: DisabledReason | None
    disabled_at: Timestamp | None
    failing_since: Timestamp | None
    paused_until: Timestamp | None
    previous_secret_until: Timestamp | None
    created_at: Timestamp


class WebhookEndpointWithSecret(WebhookEndpoint):
    """An endpoint with its new secret, which is shown this once."""

    secret: str = Field(
        description="What events are signed with, as Standard Webhooks has it.",
        json_schema_extra={"pattern": "^whsec_[A-Za-z0-9+/]+=*$"},
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class WebhookEndpoints(Shape):
    """All endpoints of a client, the oldest first."""

    endpoints: list[WebhookEndpoint]


class WebhookDelivery(Shape):
    """An event that is owed, or was delivered, to an endpoint. `id` is the webhook-id of every attempt.

    `waiting` for its next attempt at `due_at`, `sending` just now, `delivered`, or `failed` (no attempt is left, or the endpoint is gone).
    Also what was delivered can be sent again.
    """

    id: MessageId
    endpoint_id: UUID
    type: DeliveredType
    tracking_code: TrackingCode | None
    step: Annotated[int, Field(ge=1)] | None
    state: DeliveryState
    attempts: int = Field(ge=0)
    due_at: Timestamp | None
    finished_at: Timestamp | None
    created_at: Timestamp


class WebhookAttempt(Shape):
    """One attempt: the answer's status and how it begins, or why there was none. Of one whose sender was killed nothing is known."""

    number: int = Field(ge=1)
    started_at: Timestamp
    duration_ms: int = Field(ge=0)
    status: int | None
    failure: str | None
    body_start: str


class WebhookDeliveryWithAttempts(WebhookDelivery):
    """A delivery with all its attempts that ended, the first one first."""

    ended_attempts: list[WebhookAttempt]


class WebhookDeliveryPage(Shape):
    """A page of deliveries, the newest first; `next_cursor` is None on the last one."""

    deliveries: list[WebhookDelivery]
    next_cursor: NextCursor | None


class WebhookDeliveryQuery(Query):
    """Which deliveries a page shows."""

    endpoint_id: Id | None = None
    tracking_code: ShortText | None = None
    state: DeliveryState | None = None
    type: DeliveredType | None = None
    cursor: Cursor | None = None
    limit: PageLength = 50


class FailedSince(Shape):
    """Since when failed deliveries are sent again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"since": "2026-03-01T14:30:00-03:00"}]})

    since: Timestamp


class Redelivered(Shape):
    """How many deliveries wait to be sent again: the oldest, at most 10 000 at once."""

    redelivered: int = Field(ge=0)


class PostingEvent(Shape):
    """`data` of posting.created, posting.status_changed and posting.scanned: the step, and the posting's status after it.

    Steps of a posting are numbered from 1 without holes: a receiver that has seen step n ignores what comes with n or less.
    """

    tracking_code: TrackingCode
    reference: str | None
    posting_status: Status
    step: int = Field(ge=1)
    status: Status
    occurred_at: Timestamp
    recorded_at: Timestamp
    city: str | None
    uf: Uf | None
    description: str | None


class RefusedUpdate(Shape):
    """A status update that ended refused: what was asked for, and why it was not done."""

    id: UUID
    status: Status
    occurred_at: Timestamp | None
    city: str | None
    uf: Uf | None
    description: str | None
    accepted_at: Timestamp
    refusal: RefusalReason


class RefusalEvent(Shape):
    """`data` of status_update.refused: the update, and where the posting stood (`step` is its last step)."""

    tracking_code: TrackingCode
    reference: str | None
    posting_status: Status
    step: int = Field(ge=1)
    status_update: RefusedUpdate


class TestEvent(Shape):
    """`data` of webhook.test."""

    endpoint_id: UUID


class WebhookPayload(Shape):
    """What is posted: Standard Webhooks 1.0.0. `timestamp` is when it came about here, the same at every attempt."""

    type: DeliveredType
    timestamp: datetime
    data: PostingEvent | RefusalEvent | TestEvent
