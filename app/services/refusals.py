"""The reasons for which an update ends refused, by the code that is stored."""

from typing import Final, cast

from app.models.status_updates import RefusalCode, RefusalReason
from app.services import errors

REASONS: Final[dict[str, type[errors.Refusal]]] = {
    refusal.code(): refusal
    for refusal in (
        errors.AlreadyInStatus,
        errors.AlreadyRecorded,
        errors.IllegalTransition,
        errors.OutOfSequence,
        errors.HistoryFull,
        errors.OccurredAtInFuture,
        errors.PostingNotFound,
        errors.PostingHeld,
        errors.InvalidTrackingCode,
        errors.IdempotencyKeyReused,
        errors.InternalError,
    )
}


def reason(code: str) -> RefusalReason:
    """The code with its sentence."""
    return RefusalReason(code=cast("RefusalCode", code), detail=REASONS[code].sentence())
