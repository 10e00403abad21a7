"""Rows 6 and 12, and the power cut: the disk is full, a clock jumps, the power is gone."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from chaos.faults.fault import RECOVERY_SECONDS, Expectation, Fault, Injection
from chaos.probe import POSTING, Probe
from chaos.system import Missed, System, until

_HOUR: Final = 3600
_FULL_WITHIN: Final = 30.0
_DOWN_WITHIN: Final = 60.0
CLOCK_OF_POSTGRES: Final = "clock-postgres"


def _clock_moved(kind: str) -> Injection:
    """The clock of one process jumps by an hour, and back."""

    @contextmanager
    def inject(system: System, chance: random.Random) -> Iterator[None]:
        clock = system.clocks[chance.choice([name for name in system.clocks if name.startswith(kind)])]
        clock.step(chance.choice([-_HOUR, _HOUR]))
        yield
        clock.reset()

    return inject


@contextmanager
def _disk_full(system: System, _chance: random.Random) -> Iterator[None]:
    """Nothing more can be stored, and everything can still be read."""
    probe = Probe(system.urls)
    probe.register()
    code = probe.create_posting()
    postings = [{**POSTING, "description": "x" * 500}] * 500

    def refused() -> bool:
        system.servers.disk.fill()
        status = probe.attempt("POST", "/postings/batch", {"postings": postings}).status
        if status not in (HTTPStatus.CREATED, HTTPStatus.SERVICE_UNAVAILABLE):
            raise Missed(f"with a full disk a batch was answered with {status}")
        return status == HTTPStatus.SERVICE_UNAVAILABLE

    until("a full disk is noticed", refused, seconds=_FULL_WITHIN)
    yield
    for path in (f"/postings/{code}", f"/tracking/{code}", f"/postings/{code}/history"):
        if (status := probe.attempt("GET", path).status) != HTTPStatus.OK:
            raise Missed(f"with a full disk, GET {path} was answered with {status}")
    system.servers.disk.free()


@contextmanager
def _wal_disk_full(system: System, _chance: random.Random) -> Iterator[None]:
    """PostgreSQL stops where it cannot write its log; with space again it starts with everything."""

    def down() -> bool:
        system.servers.disk.fill()
        return system.servers.postgres.exit_code() is not None

    until("PostgreSQL stops for want of space for its log", down, seconds=_DOWN_WITHIN)
    yield
    system.servers.disk.free()
    system.servers.restart_postgres()


@contextmanager
def _power_cut(system: System, chance: random.Random) -> Iterator[None]:
    system.servers.cut_power(chance)
    yield
    system.servers.restart_valkey()
    system.servers.restart_postgres()


_GONE: Final = Expectation(slowest=2.5, recovery=RECOVERY_SECONDS)

FAULTS: Final = (
    Fault(
        "disk-full",
        6,
        "no space left for PostgreSQL's data",
        _disk_full,
        frozenset({"postgres"}),
        (1.0, 4.0),
        _GONE,
        in_mix=False,
        needs="small-disk",
    ),
    Fault(
        "wal-disk-full",
        6,
        "no space left for PostgreSQL's log, whose archive is out of reach",
        _wal_disk_full,
        frozenset({"postgres"}),
        (1.0, 4.0),
        _GONE,
        in_mix=False,
        needs="small-wal-disk",
    ),
    Fault(
        "clock-api",
        12,
        "the clock of an API is an hour off",
        _clock_moved("api"),
        frozenset({"clock"}),
        (2.0, 6.0),
        _GONE,
    ),
    Fault(
        "clock-worker",
        12,
        "the clock of a worker is an hour off",
        _clock_moved("worker"),
        frozenset({"clock"}),
        (2.0, 6.0),
        Expectation(undisturbed=True),
    ),
    Fault(
        CLOCK_OF_POSTGRES,
        12,
        "the clock of PostgreSQL is an hour off",
        _clock_moved("postgres"),
        frozenset({"clock"}),
        (2.0, 6.0),
        Expectation(undisturbed=True),
    ),
    Fault(
        "power-cut",
        5,
        "the power of PostgreSQL and Valkey is cut: what was not synced is gone",
        _power_cut,
        frozenset({"postgres", "redis"}),
        (0.5, 2.0),
        _GONE,
        in_mix=False,
        needs="power-cut",
    ),
)
