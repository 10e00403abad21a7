"""All faults by name, and those that fall when none is named."""

from typing import Final

from chaos.faults import network, postgres, processes, redis, requests
from chaos.faults.fault import Fault

FAULTS: Final[dict[str, Fault]] = {
    fault.name: fault
    for fault in (*processes.FAULTS, *redis.FAULTS, *postgres.FAULTS, *network.FAULTS, *requests.FAULTS)
}
