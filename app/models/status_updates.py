"""Shapes of status updates (what is asked for) and steps (what happened)."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field

from app.models.fields import Id, LongText, ShortText, Status, Timestamp, TrackingCode, Uf, WrittenCode
from app.models.shape import Cursor, NextCursor, PageLength, Query, Shape

State: TypeAlias = Literal["queued", "applied", "refused"]
RefusalCode: TypeAlias = Literal[
    "already_in_status",
    "already_recorded",
    "illegal_transition",
    "out_of_sequence",
    "history_full",
    "occurred_at_in_future",
    "posting_not_found",
    "posting_held",
    "invalid_tracking_code",
    "idempotency_key_reused",
    "internal_error",
]
"""Why an update was refused: a closed list."""


class StatusUpdateRequest(Shape):
    """A wish: the status, and when and where it came about."""

    example: ClassVar[dict[str, Any]] = {
        "status": "shipped",
        "occurred_at": "2026-03-01T14:30:00-03:00",
        "city": "Ribeirão Preto",
        "uf": "SP",
        "description": "Posted at the counter",
    }
    model_config = ConfigDict(json_schema_extra={"examples": [example]})

    status: Status
    occurred_at: Timestamp | None = Field(
        default=None, description="When it happened. Left out: now. Never more than 5 minutes ahead, and never altered."
    )
    city: ShortText | None = None
    uf: Uf | None = None
    description: LongText | None = None


class BatchedStatusUpdateRequest(StatusUpdateRequest):
    """A wish among many: it says which posting it is for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tracking_code": "ZP473124829BR", **StatusUpdateRequest.example}]}
    )

    tracking_code: WrittenCode


class StatusUpdateRequests(Shape):
    """Up to 1 000 wishes: each is accepted or refused on its own."""

    updates: list[BatchedStatusUpdateRequest] = Field(min_length=1, max_length=1000)


class RefusalReason(Shape):
    """Why an update was refused: for machines, and in a sentence for people."""

    code: RefusalCode
    detail: str


class StatusUpdate(Shape):
    """An update as it stands: queued, applied, or refused with its reason. `occurred_at` is None when the caller gave none."""

    id: UUID
    tracking_code: TrackingCode
    status: Status
    occurred_at: Timestamp | None
    city: str | None
    uf: Uf | None
    description: str | None
    state: State
    refusal: RefusalReason | None
    accepted_at: Timestamp
    decided_at: Timestamp | None


class BatchedStatusUpdate(Shape):
    """What became of one wish of a batch: its update, or None with the reason when it was refused at once."""

    tracking_code: str
    state: State
    status_update: StatusUpdate | None
    refusal: RefusalReason | None


class BatchedStatusUpdates(Shape):
    """One answer for each wish, in the order asked for."""

    updates: list[BatchedStatusUpdate]


class StatusUpdatePage(Shape):
    """A page of updates, the newest first; `next_cursor` is None on the last one."""

    status_updates: list[StatusUpdate]
    next_cursor: NextCursor | None


class StatusUpdateQuery(Query):
    """Which updates a page shows."""

    state: State | None = None
    tracking_code: ShortText | None = None
    refusal: RefusalCode | None = None
    cursor: Cursor | None = None
    limit: PageLength = 50


class Step(Shape):
    """A step of a posting's life as its owner sees it, numbered in the order of recording."""

    seq: int = Field(ge=1)
    status: Status
    occurred_at: Timestamp
    recorded_at: Timestamp
    city: str | None
    uf: Uf | None
    description: str | None


class History(Shape):
    """The steps of a posting in the order in which they happened."""

    tracking_code: TrackingCode
    steps: list[Step]


class Queue(Shape):
    """How much is waiting, for how long, and what ended by an error of ours."""

    queued: int = Field(ge=0)
    oldest_accepted_at: Timestamp | None
    dead_letters: int = Field(ge=0)


class RedriveRequest(Shape):
    """Which dead letters to queue again; all when none are named."""

    status_update_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = None


class Redrive(Shape):
    """How many dead letters were queued again."""

    redriven: int = Field(ge=0)


class Event(NamedTuple):
    """A status at a time, and perhaps a place: what the rule of a posting's life looks at."""

    status: Status
    occurred_at: datetime
    city: str | None = None
    uf: str | None = None
    description: str | None = None
