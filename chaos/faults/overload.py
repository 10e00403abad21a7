"""Row 13: five times what one API can do, and one client that takes more than its share."""

import dataclasses
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from chaos.facts import count_queued
from chaos.faults.fault import Fault
from chaos.gauges import megabytes
from chaos.load import Load, Target
from chaos.measures import percentile
from chaos.probe import POSTING, Probe
from chaos.system import System

_TIMES: Final = 5
_SECONDS: Final = 15.0
_CLIENTS: Final = 10
_POSTINGS_EACH: Final = 200
_GOODPUT: Final = 0.9
_REFUSED_WITHIN: Final = 0.05
_ACCEPTED_WITHIN: Final = 1.0
_GROWTH_MB: Final = 32
_ACCEPTED: Final = "202"
_OUR_REFUSALS: Final = ("503", "429")
_CONNECTIONS: Final = 400
_MODEST_RATE: Final = 20.0


@dataclasses.dataclass(frozen=True, slots=True)
class Pressed:
    """What a load came to: how many were accepted and refused a second, and p99 of both in seconds; other answers by status."""

    accepted: float
    refused: float
    accepted_p99: float
    refused_p99: float
    others: dict[str, int]
    unsent: int

    @override
    def __str__(self) -> str:
        return (
            f"{self.accepted:.0f} accepted/s (p99 {self.accepted_p99 * 1000:.0f} ms), "
            f"{self.refused:.0f} refused/s (p99 {self.refused_p99 * 1000:.0f} ms), {self.unsent} not sent, others {self.others}"
        )


def _targets(system: System) -> list[list[Target]]:
    """Postings of several clients."""
    found = []
    for _ in range(_CLIENTS):
        probe = Probe(system.urls)
        probe.register()
        created = probe.insist("POST", "/postings/batch", {"postings": [POSTING] * _POSTINGS_EACH})
        token = probe.headers["Authorization"].removeprefix("Bearer ")
        found.append([Target(token, each["tracking_code"]) for each in created.body["postings"]])
    return found


def _start(load: Load) -> "subprocess.Popen[str]":
    popen = subprocess.Popen(
        [sys.executable, "-m", "chaos.load"],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert popen.stdin is not None
    with popen.stdin as orders:
        orders.write(json.dumps(dataclasses.asdict(load)))
    return popen


def _press(*loads: Load) -> list[Pressed]:
    """Put all these loads on the system at once, and return when the last has ended."""
    running = [_start(load) for load in loads]
    results = []
    for popen, load in zip(running, loads, strict=True):
        assert popen.stdout is not None
        with popen, popen.stdout as output:
            results.append(_pressed(json.loads(output.read()), load.seconds))
    return results


def _pressed(result: dict[str, Any], seconds: float) -> Pressed:
    took: dict[str, list[float]] = result["seconds"]
    refused = [each for status in _OUR_REFUSALS for each in took.get(status, ())]
    return Pressed(
        accepted=len(took.get(_ACCEPTED, ())) / seconds,
        refused=len(refused) / seconds,
        accepted_p99=percentile(took.get(_ACCEPTED, ()), 0.99),
        refused_p99=percentile(refused, 0.99) if refused else 0.0,
        others={status: len(each) for status, each in took.items() if status not in {_ACCEPTED, *_OUR_REFUSALS}},
        unsent=result["unsent"],
    )


@contextmanager
def _pinned(system: System) -> Iterator[list[int]]:
    """One API has a core for itself meanwhile, and everything else the others, which are returned."""
    cores = os.sched_getaffinity(0)
    first, *others = sorted(cores)
    api, *programs = system.programs
    pids = [program.process.pid for program in programs] + system.servers.pids()
    if others:
        for pid in pids:
            os.sched_setaffinity(pid, others)
        os.sched_setaffinity(api.process.pid, {first})
    try:
        yield others
    finally:
        for pid in (api.process.pid, *pids):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(pid, cores)


@contextmanager
def _overloaded(system: System, _chance: random.Random) -> Iterator[None]:
    """Find out what one API can do, ask five times as much, then let one client ask twice as much while another asks little."""
    by_client = _targets(system)
    everybody = [target for turn in zip(*by_client, strict=True) for target in turn]
    api = system.apis[0]
    with _pinned(system) as cores:
        port = int(api.environment["PORT"])
        calm = Load(port, rate=0, connections=64, seconds=_SECONDS / 2, targets=everybody, cores=cores)
        # The first one only warms up; the maximum is the better of two, with few and with as many as may be under way at once.
        _, *pressed = (_press(dataclasses.replace(calm, connections=connections)) for connections in (64, 64, 128))
        capacity = max((each for (each,) in pressed), key=lambda each: each.accepted)
        before = megabytes(api)
        (flooded,) = _press(
            dataclasses.replace(calm, rate=_TIMES * capacity.accepted, connections=_CONNECTIONS, seconds=_SECONDS)
        )
        grown, backlog = megabytes(api) - before, count_queued(system.servers.postgres.url)
        greedy, modest = _press(
            dataclasses.replace(calm, rate=2 * capacity.accepted, connections=_CONNECTIONS, targets=by_client[0]),
            dataclasses.replace(calm, rate=_MODEST_RATE, connections=8, targets=by_client[1]),
        )
    system.notes += [
        f"as much as it can: {capacity}",
        f"{_TIMES} times as much: {flooded}",
        f"goodput {flooded.accepted / capacity.accepted:.2f} of the maximum, memory {grown:+.0f} MB, {backlog} updates queued",
        f"one client that asks too much: {greedy}",
        f"another one meanwhile: {modest}",
    ]
    system.missed += _misses(capacity, flooded, greedy, modest, grown=grown)
    yield


def _misses(capacity: Pressed, flooded: Pressed, greedy: Pressed, modest: Pressed, *, grown: float) -> list[str]:
    held = {
        f"goodput is at least {_GOODPUT} of the maximum": flooded.accepted >= _GOODPUT * capacity.accepted,
        f"p99 of a refusal is under {_REFUSED_WITHIN} s": flooded.refused_p99 < _REFUSED_WITHIN,
        f"p99 of a 202 is under {_ACCEPTED_WITHIN} s": flooded.accepted_p99 < _ACCEPTED_WITHIN,
        f"memory grows by less than {_GROWTH_MB} MB": grown < _GROWTH_MB,
        "every answer is a 202, 429 or 503": not (flooded.others or greedy.others or modest.others),
        "the client that asks too much is refused": greedy.refused > 0,
        "the other client is not": modest.refused < modest.accepted / 100,
    }
    return [f"overload: not true that {sentence}" for sentence, holds in held.items() if not holds]


FAULTS: Final = (
    Fault(
        "overload",
        13,
        f"{_TIMES} times what one API can do, then one client that takes more than its share",
        _overloaded,
        frozenset({"requests"}),
        (0.0, 0.0),
        in_mix=False,
        quiet=True,
    ),
)
