"""Tracking: what anybody with a code may see."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias

from app.core.tracking_code import is_tracking_code, normalize_tracking_code
from app.db.database import Executor, Row
from app.db.queries import postings
from app.models.tracking import PublicStep, Tracking, Trackings
from app.services.errors import InvalidTrackingCode, TooManyCodes, TrackingNotFound
from app.services.lookup_desk import LookupDesk
from app.services.posting_lifecycle import in_order

MOST_CODES: Final = 50

PublicDesk: TypeAlias = LookupDesk[str, list[Row]]
"""Finds the steps of a posting by its code."""


async def track(desk: PublicDesk, tracking_code: str) -> Tracking:
    """The parcel with this code; raises as find_steps does."""
    return to_tracking(await find_steps(desk, tracking_code))


async def find_steps(desk: PublicDesk, tracking_code: str) -> list[Row]:
    """The steps by this code; raises InvalidTrackingCode for a mistyped one and TrackingNotFound for an unknown one."""
    code = normalize_tracking_code(tracking_code)
    if not is_tracking_code(code):
        raise InvalidTrackingCode
    steps = await desk.find(code)
    if steps is None:
        raise TrackingNotFound
    return steps


async def track_many(executor: Executor, tracking_codes: Sequence[str]) -> Trackings:
    """The parcels with these codes (several in one text with commas), each once, in the order asked for; raises TooManyCodes."""
    asked = [code for text in tracking_codes for code in text.split(",")]
    codes = list(dict.fromkeys(filter(None, map(normalize_tracking_code, asked))))
    if len(codes) > MOST_CODES:
        raise TooManyCodes
    well_formed = [code for code in codes if is_tracking_code(code)]
    found = await find_public_steps(executor, well_formed)
    return Trackings.model_construct(
        found=[to_tracking(found[code]) for code in well_formed if code in found],
        unknown=[code for code in well_formed if code not in found],
        mistyped=[code for code in codes if not is_tracking_code(code)],
    )


async def find_public_steps(executor: Executor, codes: Sequence[str]) -> dict[str, list[Row]]:
    """The steps of each posting that there is, by its code, as the public may see them; there is no posting without a step."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in await executor.fetch(postings.SELECT_PUBLIC_STEPS, codes):
        found[row["tracking_code"]].append(row)
    return found


def to_tracking(rows: Sequence[Row]) -> Tracking:
    """The parcel whose steps these are."""
    steps = in_order([PublicStep.trusted(row) for row in rows])
    posting = rows[0]
    return Tracking.made_of(
        {
            "tracking_code": posting["tracking_code"],
            "test": posting["test"],
            # Late scans are written after what they came before: the status is that of the step that happened last.
            "status": steps[-1].status,
            "service": posting["service"],
            "posted_at": posting["posted_at"],
            "estimated_delivery": posting["estimated_delivery"],
            "destination_city": posting["destination_city"],
            "destination_uf": posting["destination_uf"],
            "steps": steps,
        }
    )
