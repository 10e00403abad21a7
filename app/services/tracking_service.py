"""Tracking: what anybody with a code may see."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from app.core.tracking_code import is_tracking_code, normalize_tracking_code
from app.db.database import Executor, Row
from app.db.queries import postings, status_history
from app.models.tracking import PublicStep, Tracking, Trackings
from app.services.errors import InvalidTrackingCode, TooManyCodes, TrackingNotFound
from app.services.posting_lifecycle import in_order

MOST_CODES: Final = 50


async def track(executor: Executor, tracking_code: str) -> Tracking:
    """The parcel with this code; raises InvalidTrackingCode for a mistyped one and TrackingNotFound for an unknown one."""
    code = normalize_tracking_code(tracking_code)
    if not is_tracking_code(code):
        raise InvalidTrackingCode
    found = await _find(executor, [code])
    if code not in found:
        raise TrackingNotFound
    return found[code]


async def track_many(executor: Executor, tracking_codes: Sequence[str]) -> Trackings:
    """The parcels with these codes (several in one text with commas), each once, in the order asked for; raises TooManyCodes."""
    asked = [code for text in tracking_codes for code in text.split(",")]
    codes = list(dict.fromkeys(filter(None, map(normalize_tracking_code, asked))))
    if len(codes) > MOST_CODES:
        raise TooManyCodes
    well_formed = [code for code in codes if is_tracking_code(code)]
    found = await _find(executor, well_formed)
    return Trackings.model_construct(
        found=[found[code] for code in well_formed if code in found],
        unknown=[code for code in well_formed if code not in found],
        mistyped=[code for code in codes if not is_tracking_code(code)],
    )


async def _find(executor: Executor, codes: Sequence[str]) -> dict[str, Tracking]:
    rows = await executor.fetch(postings.SELECT_PUBLIC_POSTINGS, codes)
    steps: dict[int, list[Row]] = defaultdict(list)
    for step in await executor.fetch(status_history.SELECT_STEPS, [row["id"] for row in rows]):
        steps[step["posting_id"]].append(step)
    return {row["tracking_code"]: _tracking(row, steps[row["id"]]) for row in rows}


def _tracking(row: Row, steps: Sequence[Row]) -> Tracking:
    public = [PublicStep.model_construct(**{name: step[name] for name in PublicStep.model_fields}) for step in steps]
    ordered = in_order(public)
    # The steps were read a moment after the posting: the status is the last step's, so that both tell the same.
    return Tracking.model_construct(**{**row, "status": ordered[-1].status, "steps": ordered})
