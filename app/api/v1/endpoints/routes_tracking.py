"""Tracking, for anybody with a code: no account, no personal data."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from app.api.problems import declares
from app.core.deps import PartsDep, ReaderDep, TrackingCodePath
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
