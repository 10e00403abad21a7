"""All faults by name, and those that fall when none is named."""

from itertools import chain
from typing import Final

from chaos.disasters.shim import can_build_shim
from chaos.faults import disasters, network, overload, postgres, processes, redis, release, requests, slow, webhooks
from chaos.faults.fault import Fault

FAULTS: Final[dict[str, Fault]] = {
    fault.name: fault
    for fault in chain.from_iterable(
        room.FAULTS
        for room in (processes, redis, postgres, network, requests, disasters, overload, slow, release, webhooks)
    )
}

SOAK: Final = "soak"
_SOAKED_IN: Final = (1, 3, 5)


def soak() -> list[Fault]:
    """What falls in a soak (row 19): the processes of the product, Redis and PostgreSQL die again and again."""
    return [fault for fault in FAULTS.values() if fault.in_mix and fault.row in _SOAKED_IN]


def mix() -> list[Fault]:
    """What falls when no fault is named: clocks are moved only where there is a compiler to make them with."""
    return [fault for fault in FAULTS.values() if fault.in_mix and ("clock" not in fault.touches or can_build_shim())]
