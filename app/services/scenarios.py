"""What a test posting's life is to be: a table of scenarios, and how a reference names one."""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from app.models.status_updates import RefusalCode, StatusUpdateRequest
from app.services.errors import UnknownScenario

Step: TypeAlias = tuple["Asked", ...]
"""Updates that are asked for together: all of them are accepted before the first is decided."""

_BEGIN: Final = "test:"
_REFERENCE: Final = re.compile(r"test:([a-z_]+)(?:@([0-9]{1,5}))?(?::.*)?", re.DOTALL)
_SLOWEST_SECONDS: Final = 86_400
_SCANS: Final = 999  # with the first step they are as many as a history may have


@dataclass(frozen=True, slots=True)
class Asked:
    """One update; `from_the_beginning`: it happened when the posting was posted, and not when it is asked for."""

    request: StatusUpdateRequest
    from_the_beginning: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The scenario that a posting goes through, and how many seconds lie between two of its steps."""

    scenario: str
    pace_seconds: int


_POSTED: Final = Asked(StatusUpdateRequest(status="shipped", city="Cajamar", uf="SP", description="Posted (test)"))
_SCANNED: Final = Asked(
    StatusUpdateRequest(status="shipped", city="Campinas", uf="SP", description="In transit (test)")
)
_SHIPPED: Final = Asked(StatusUpdateRequest(status="shipped"))
_DELIVERED: Final = Asked(StatusUpdateRequest(status="delivered"))
_RETURNED: Final = Asked(StatusUpdateRequest(status="returned"))
_CANCELLED: Final = Asked(StatusUpdateRequest(status="cancelled"))
_SHIPPED_AT_FIRST: Final = Asked(_SHIPPED.request, from_the_beginning=True)
_CANCELLED_AT_FIRST: Final = Asked(_CANCELLED.request, from_the_beginning=True)

USUAL: Final = "delivered"
STAYING: Final = "pending"
FAILING: Final[RefusalCode] = "internal_error"
"""Its update cannot be decided, and ends as a dead letter."""
AT_ONCE: Final[frozenset[RefusalCode]] = frozenset(
    {"posting_not_found", "posting_held", "invalid_tracking_code", "occurred_at_in_future", "idempotency_key_reused"}
)
"""Whoever asks for an update of such a posting is answered this; the simulator leaves it alone."""
SCENARIOS: Final[dict[str, tuple[Step, ...]]] = {
    STAYING: (),
    "delivered": ((_POSTED,), (_SCANNED,), (_DELIVERED,)),
    "returned": ((_POSTED,), (_SCANNED,), (_RETURNED,)),
    "cancelled": ((_CANCELLED,),),
    # The rule itself refuses what these ask for last.
    "already_in_status": ((_SHIPPED, _SHIPPED),),
    "already_recorded": ((_SHIPPED_AT_FIRST,), (_SHIPPED_AT_FIRST,)),
    "illegal_transition": ((_DELIVERED, _SHIPPED),),
    "out_of_sequence": ((_POSTED,), (_CANCELLED_AT_FIRST,)),
    "history_full": ((*[_SCANNED] * _SCANS, _DELIVERED),),
    FAILING: ((_SHIPPED,),),
    **dict.fromkeys(AT_ONCE, ()),
}
"""The steps of each scenario, in their order."""


def plan_of(reference: str | None, pace_seconds: int) -> Plan:
    """What the reference says, such as `test:returned@2:order-7`; the usual life at the usual pace when it says nothing.

    Raises UnknownScenario for one that begins as if it did.
    """
    if reference is None or not reference.startswith(_BEGIN):
        return Plan(USUAL, pace_seconds)
    said = _REFERENCE.fullmatch(reference)
    if said is None or said[1] not in SCENARIOS or (pace := int(said[2] or pace_seconds)) > _SLOWEST_SECONDS:
        raise UnknownScenario
    return Plan(said[1], pace)
