"""All faults by name, and those that fall when none is named."""

from itertools import chain
from typing import Final

from chaos.faults import network, overload, postgres, processes, redis, release, requests
from chaos.faults.fault import Fault

FAULTS: Final[dict[str, Fault]] = {
    fault.name: fault
    for fault in chain.from_iterable(
        room.FAULTS for room in (processes, redis, postgres, network, requests, overload, release)
    )
}

MIX: Final = tuple(fault for fault in FAULTS.values() if fault.in_mix)
"""What falls when no fault is named."""
