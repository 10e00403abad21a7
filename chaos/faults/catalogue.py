"""All faults by name, and those that fall when none is named."""

from typing import Final

from chaos.faults import network, postgres, processes, redis, release, requests
from chaos.faults.fault import Fault

FAULTS: Final[dict[str, Fault]] = {
    fault.name: fault
    for fault in (
        *processes.FAULTS,
        *redis.FAULTS,
        *postgres.FAULTS,
        *network.FAULTS,
        *requests.FAULTS,
        *release.FAULTS,
    )
}

MIX: Final = tuple(fault for fault in FAULTS.values() if fault.in_mix)
"""What falls when no fault is named."""
