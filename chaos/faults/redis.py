"""Rows 3 and 4: Redis dies, forgets, fills up and freezes. No caller may notice."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chaos.faults.fault import Expectation, Fault, Injection
from chaos.system import System

_STUTTER_SECONDS: Final = 2.0
_BETWEEN_SECONDS: Final = 0.3
_GONE_SECONDS: Final = 150.0


def _killed(*, wiped: bool) -> Injection:
    @contextmanager
    def inject(system: System, _chance: random.Random) -> Iterator[None]:
        system.servers.valkey.kill()
        yield
        system.servers.restart_valkey(wiped=wiped)

    return inject


@contextmanager
def _gone(system: System, _chance: random.Random) -> Iterator[None]:
    """Away for so long that whatever was only put off, or kept in memory meanwhile, would show."""
    system.servers.valkey.kill()
    time.sleep(_GONE_SECONDS)
    yield
    system.servers.restart_valkey(wiped=True)


@contextmanager
def _flushed(system: System, _chance: random.Random) -> Iterator[None]:
    system.servers.ask_valkey("FLUSHALL")
    yield
    system.servers.ask_valkey("FLUSHALL")


@contextmanager
def _full(system: System, _chance: random.Random) -> Iterator[None]:
    system.servers.ask_valkey("CONFIG", "SET", "maxmemory", "1")
    yield
    system.servers.ask_valkey("CONFIG", "SET", "maxmemory", "0")


@contextmanager
def _frozen(system: System, _chance: random.Random) -> Iterator[None]:
    system.servers.send_to_valkey(signal.SIGSTOP)
    yield
    system.servers.send_to_valkey(signal.SIGCONT)


@contextmanager
def _stuttering(system: System, chance: random.Random) -> Iterator[None]:
    """What a disk does that takes two seconds for each fsync: nothing is served meanwhile."""
    for _ in range(chance.randint(2, 4)):
        system.servers.send_to_valkey(signal.SIGSTOP)
        time.sleep(_STUTTER_SECONDS)
        system.servers.send_to_valkey(signal.SIGCONT)
        time.sleep(_BETWEEN_SECONDS)
    yield


_REDIS: Final = frozenset({"redis"})
_UNNOTICED: Final = Expectation(undisturbed=True, p99=0.05)

FAULTS: Final = (
    Fault(
        "redis-killed", 3, "kill -9 of Valkey, back with its data", _killed(wiped=False), _REDIS, (1.0, 5.0), _UNNOTICED
    ),
    Fault(
        "redis-wipe", 3, "kill -9 of Valkey, back without its data", _killed(wiped=True), _REDIS, (1.0, 5.0), _UNNOTICED
    ),
    Fault(
        "redis-gone",
        3,
        f"no Valkey for {_GONE_SECONDS:g} s, then an empty one",
        _gone,
        _REDIS,
        (0.0, 0.0),
        _UNNOTICED,
        in_mix=False,
        pause_seconds=0.5,
    ),
    Fault("redis-flushall", 3, "FLUSHALL, twice", _flushed, _REDIS, (0.5, 2.0), _UNNOTICED),
    Fault("redis-full", 4, "maxmemory reached: nothing can be written", _full, _REDIS, (2.0, 6.0), _UNNOTICED),
    Fault("redis-frozen", 4, "SIGSTOP of Valkey, then SIGCONT", _frozen, _REDIS, (3.0, 30.0), _UNNOTICED),
    Fault(
        "redis-slow-disk",
        4,
        "Valkey serves nothing for 2 s, again and again",
        _stuttering,
        _REDIS,
        (0.0, 0.5),
        _UNNOTICED,
    ),
)
