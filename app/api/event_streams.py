"""Tracking as Server-Sent Events (the HTML standard, section 9.2): each event is the whole parcel, numbered by its last step."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.api.admission import Admission, leave_early, network_of_caller
from app.core.deps import OUTCOME
from app.models.tracking import Tracking
from app.services.authentication import Credential
from app.services.live_tracking import LiveTracking, Timeline

# A browser that lost its stream comes back after a time of its own, so that not all come at once.
_RETRY_MS: Final = (1_000, 5_000)
# No stream is for ever: its reader comes back, maybe to another process.
_LONGEST_SECONDS: Final = 3_600.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def take_place(request: Request) -> AsyncIterator[None]:
    """A place among the open streams of this process, until the stream ends; raises Overloaded and QuotaExceeded."""
    places: Admission = request.app.state.event_streams
    caller = _reader(request.scope)
    if answer := places.enter(caller):
        raise answer.refusal.with_traceback(None)
    try:
        yield
    finally:
        places.leave(caller)


def _reader(scope: Scope) -> bytes:
    """Whose stream it is: a client's, or an address's. What is merely claimed does not count, since a stream is long."""
    outcome = scope.get(OUTCOME)
    return outcome.caller.id.bytes if isinstance(outcome, Credential) else network_of_caller(scope).encode()


def tracking_events(
    live: LiveTracking, timeline: Timeline, *, last_event_id: int | None, heartbeat_seconds: float
) -> Response:
    """The stream from this timeline on; 204, after which a browser does not come back, for a reader who has seen the last of it."""
    # A number that was never given out is of another database: such a reader has seen nothing of this one.
    seen = last_event_id if last_event_id is not None and last_event_id <= timeline.number else 0
    if timeline.is_finished and seen == timeline.number:
        return Response(status_code=204, headers=_HEADERS)
    return _EventStream(_events(live, timeline, seen, heartbeat_seconds), headers=_HEADERS)


class _EventStream(EventSourceResponse):
    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leave_early(scope)
        await super().__call__(scope, receive, send)


async def _events(live: LiveTracking, timeline: Timeline, seen: int, heartbeat_seconds: float) -> AsyncIterator[bytes]:
    now = asyncio.get_running_loop().time
    ends = now() + _LONGEST_SECONDS
    with live.following(timeline) as parcel:
        yield format_sse_event(retry=random.randint(*_RETRY_MS))  # noqa: S311 - nobody has to be unable to guess it
        while not parcel.is_over and now() < ends:
            if not await parcel.moves_past(seen, within=heartbeat_seconds):
                yield KEEPALIVE_COMMENT
            elif (timeline := parcel.timeline).number > seen:
                seen = timeline.number
                yield format_sse_event(event="tracking", id=str(seen), data_str=timeline.tracking)
                if timeline.is_finished:
                    yield format_sse_event(event="finished", data_str="{}")
                    return


_TRACKING: Final = Tracking.model_validate(
    {
        "tracking_code": "ZP473124829BR",
        "test": False,
        "status": "delivered",
        "service": "standard",
        "posted_at": "2026-03-01T17:30:00Z",
        "estimated_delivery": "2026-03-10",
        "destination_city": "São José dos Campos",
        "destination_uf": "SP",
        "steps": [
            {"status": status, "occurred_at": occurred_at, "city": city, "uf": uf, "description": description}
            for status, occurred_at, city, uf, description in (
                ("pending", "2026-03-01T17:30:00Z", None, None, None),
                ("shipped", "2026-03-02T09:12:00Z", "Cajamar", "SP", "Posted at the counter"),
                ("delivered", "2026-03-04T13:05:00Z", "São José dos Campos", "SP", None),
            )
        ],
    }
).model_dump_json()
EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The stream.",
        "content": {
            EventSourceResponse.media_type: {
                "itemSchema": {
                    "anyOf": [
                        {
                            "properties": {
                                "event": {"const": "tracking"},
                                "id": {"type": "string", "pattern": "^[1-9][0-9]{0,3}$"},
                                "data": {
                                    "type": "string",
                                    "contentMediaType": "application/json",
                                    "contentSchema": {"$ref": "#/components/schemas/Tracking"},
                                },
                            },
                            "required": ["event", "id", "data"],
                        },
                        {"properties": {"event": {"const": "finished"}}, "required": ["event"]},
                    ]
                },
                "examples": {
                    "tracking": {
                        "summary": "The parcel as it is: the same as `GET /tracking/{tracking_code}`; `id` is the number of its last step.",
                        "value": format_sse_event(event="tracking", id="3", data_str=_TRACKING).decode(),
                    },
                    "finished": {
                        "summary": "Delivered, returned or cancelled: the stream ends, and there is no need to come back.",
                        "value": format_sse_event(event="finished", data_str="{}").decode(),
                    },
                    "nothing new": {"value": KEEPALIVE_COMMENT.decode()},
                },
            }
        },
    },
    204: {
        "description": "The parcel is finished, and Last-Event-ID says that its last step is known: do not come back."
    },
}
"""The responses of a stream for OpenAPI."""
