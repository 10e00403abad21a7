"""What a fault is: a way to break a system and to mend it again, and what must hold meanwhile."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, TypeAlias

from chaos.servers import Equipment
from chaos.system import System

Injection: TypeAlias = Callable[[System, random.Random], AbstractContextManager[None]]

RECOVERY_SECONDS: Final = 5.0
BACKLOG_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the callers may notice while the fault lasts; times in seconds.

    `undisturbed`: every update asked for is answered as if nothing had happened, p99 of a 202 within `p99` (or, on a slower machine,
    hardly more than in the calm moments of the same run). `slowest`: no answer takes longer, whatever it is. `delivered`: a receiver that
    is well has p99 of its webhooks within that time. `recovery`: after all is healed, a new update is accepted and decided within that
    time; `backlog`: after that, all that has waited is decided too.
    """

    undisturbed: bool = False
    p99: float | None = None
    slowest: float | None = None
    delivered: float | None = None
    recovery: float = RECOVERY_SECONDS
    backlog: float = BACKLOG_SECONDS


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the matrix. `touches` names what it breaks, and what it needs whole, so that two at once do not undo each other.

    `lasts`: at least and at most so many seconds. Not `in_mix`: it falls only when it is named, since it takes a run of its own, or `needs`
    servers that stand on something unusual. `pause_seconds`: how long each hand of the clients rests, on average, between two requests
    while it falls alone; longer where it is told how long an answer takes, which on a full machine is how long it waits for the machine.
    """

    name: str
    row: int
    what: str
    inject: Injection
    touches: frozenset[str]
    lasts: tuple[float, float]
    expects: Expectation = Expectation()
    in_mix: bool = True
    pause_seconds: float = 0.1
    needs: Equipment | None = None
