"""Tracking, for anybody with a code: no account, no personal data."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from app.api.event_streams import EVENTS, take_place, tracking_events
from app.api.problems import declares
from app.core.deps import LastEventIdDep, PartsDep, ReaderDep, TrackingCodePath
from app.models.fields import WrittenCodes
from app.models.tracking import Tracking, Trackings
from app.services import tracking_service
from app.services.errors import InvalidTrackingCode, TooManyCodes, TrackingNotFound

router: Final = APIRouter(prefix="/tracking", tags=["tracking"])


@router.get("", responses=declares(TooManyCodes))
async def track_many(
    reader: ReaderDep,
    codes: Annotated[
        list[WrittenCodes],
        Query(description="Up to 50 codes, with commas between them or one a parameter.", min_length=1, max_length=50),
    ],
) -> Trackings:
    """Where these parcels are. Pages of any origin may read this and all of `/tracking` (CORS)."""
    return await tracking_service.track_many(reader, codes)


@router.get("/{tracking_code}", responses=declares(TrackingNotFound, InvalidTrackingCode))
async def track(parts: PartsDep, tracking_code: TrackingCodePath) -> Tracking:
    """Where this parcel is. Spaces and small letters in the code are fine; a mistyped code is told apart from an unknown one."""
    return await tracking_service.track(parts.public_desk, tracking_code)


@router.get(
    "/{tracking_code}/events",
    responses={**EVENTS, **declares(TrackingNotFound, InvalidTrackingCode)},
    response_class=Response,
    dependencies=[Depends(take_place)],
)
async def follow(parts: PartsDep, tracking_code: TrackingCodePath, last_event_id: LastEventIdDep = None) -> Response:
    """Where this parcel is, now and as soon as that changes, as Server-Sent Events.

    Each `tracking` event is the whole parcel, so it does not matter what was missed; while nothing changes a comment comes every few
    seconds. The stream ends with `finished` when the parcel does. One that ends without it goes on where it was when it is opened again:
    a browser's `EventSource` does so by itself.
    """
    return tracking_events(
        parts.live,
        await parts.live.find(tracking_code),
        last_event_id=last_event_id,
        heartbeat_seconds=parts.event_heartbeat_seconds,
    )
