"""Row 13: five times what one API can do, and one client that takes more than its share."""

import dataclasses
import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from typing_extensions import override

from bench.load import UNIQUE, Load, press, request
from bench.result import percentile
from chaos.facts import count_queued
from chaos.faults.fault import Fault
from chaos.gauges import megabytes
from chaos.probe import POSTING, Probe
from chaos.system import System

_TIMES: Final = 5
_SECONDS: Final = 5.0
_ROUNDS: Final = 3
_FEW: Final = 64
_MANY: Final = 128
_CLIENTS: Final = 10
_POSTINGS_EACH: Final = 200
_GOODPUT: Final = 0.9
_REFUSED_WITHIN: Final = 0.05
_RETRY_AFTER: Final = 1.0
_ACCEPTED_WITHIN: Final = 1.0
_GROWTH_MB: Final = 32
_ACCEPTED: Final = 202
_OUR_REFUSALS: Final = (503, 429)
_CONNECTIONS: Final = 400
_MODEST_RATE: Final = 20.0
# PostgreSQL shares its core with whoever asks: to ask for more must not take more of it.
_TICK: Final = 0.01
# So many that each waits for more than a second before it asks again, as Retry-After says.
_PATIENT_CONNECTIONS: Final = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Pressed:
    """What a load came to, in `seconds`: how long each answer took, in seconds, by status, and how many requests were not sent."""

    seconds: float
    took: dict[int, list[float]]
    unsent: int

    @property
    def accepted(self) -> float:
        """202s a second."""
        return len(self.took.get(_ACCEPTED, ())) / self.seconds

    @property
    def refused(self) -> list[float]:
        """How long the refusals took."""
        return [each for status in _OUR_REFUSALS for each in self.took.get(status, ())]

    @property
    def accepted_p99(self) -> float:
        """Of a 202, in seconds."""
        return percentile(self.took.get(_ACCEPTED, ()), 0.99)

    @property
    def refused_p99(self) -> float:
        """Of a refusal, in seconds; 0 where there was none."""
        return percentile(self.refused, 0.99) if self.refused else 0.0

    @property
    def others(self) -> dict[int, int]:
        """How many other answers there were, by status."""
        return {status: len(each) for status, each in self.took.items() if status not in {_ACCEPTED, *_OUR_REFUSALS}}

    @override
    def __str__(self) -> str:
        return (
            f"{self.accepted:.0f} accepted/s (p99 {self.accepted_p99 * 1000:.0f} ms), "
            f"{len(self.refused) / self.seconds:.0f} refused/s (p99 {self.refused_p99 * 1000:.0f} ms), "
            f"{self.unsent} not sent, others {self.others}"
        )


def _together(rounds: Iterable[Pressed]) -> Pressed:
    """The same load in several rounds, as one."""
    seconds, took, unsent = 0.0, defaultdict[int, list[float]](list), 0
    for each in rounds:
        seconds += each.seconds
        unsent += each.unsent
        for status, of_status in each.took.items():
            took[status] += of_status
    return Pressed(seconds, took, unsent)


def _requests(system: System) -> list[list[str]]:
    """Of several clients, one scan for each of their postings."""
    found = []
    for _ in range(_CLIENTS):
        probe = Probe(system.urls)
        probe.register()
        created = probe.insist("POST", "/postings/batch", {"postings": [POSTING] * _POSTINGS_EACH})
        token = probe.headers["Authorization"].removeprefix("Bearer ")
        scan = {"status": "shipped", "description": UNIQUE}
        found.append(
            [
                request("PATCH", f"/api/v1/postings/{each['tracking_code']}/status", scan, token=token)
                for each in created.body["postings"]
            ]
        )
    return found


def _press(*loads: Load) -> list[Pressed]:
    """Put all these loads on the system at once, and return when the last has ended."""
    with ThreadPoolExecutor(len(loads)) as threads:
        answered = threads.map(press, loads)
        return [Pressed(load.seconds, each.seconds, each.unsent) for each, load in zip(answered, loads, strict=True)]


def _move(pid: int, cores: Iterable[int]) -> None:
    """Let all threads of a process run on these cores; one that has ended meanwhile is no matter."""
    with suppress(FileNotFoundError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cores)


@contextmanager
def _pinned(system: System) -> Iterator[list[int]]:
    """One API has a core for itself meanwhile, and everything else the others, which are returned."""
    cores = os.sched_getaffinity(0)
    first, *others = sorted(cores)
    api, *programs = system.programs
    pids = [os.getpid(), *(program.process.pid for program in programs), *system.servers.pids()]
    if others:
        for pid in pids:
            _move(pid, others)
        _move(api.process.pid, {first})
    try:
        yield others
    finally:
        for pid in (api.process.pid, *pids):
            _move(pid, cores)


@contextmanager
def _overloaded(system: System, _chance: random.Random) -> Iterator[None]:
    """Find out what one API can do, ask five times as much, then let one client ask twice as much while another asks little."""
    by_client = _requests(system)
    everybody = [each for turn in zip(*by_client, strict=True) for each in turn]
    api = system.apis[0]
    with _pinned(system) as cores:
        port = int(api.environment["PORT"])
        load = Load(port, everybody, connections=_MANY, seconds=_SECONDS, cores=cores)
        _press(load)  # warms up
        before = megabytes(api)
        # In turns, since a machine is not always equally fast. The maximum is the better of few requests at once and of as many as may be.
        few, many, flooded, patient = (
            _together(rounds) for rounds in zip(*(_round(load) for _ in range(_ROUNDS)), strict=True)
        )
        capacity = max(few, many, key=lambda each: each.accepted)
        grown, backlog = megabytes(api) - before, count_queued(system.servers.postgres.url)
        greedy, modest = _press(
            dataclasses.replace(load, rate=2 * capacity.accepted, connections=_CONNECTIONS, requests=by_client[0]),
            dataclasses.replace(load, rate=_MODEST_RATE, connections=8, requests=by_client[1]),
        )
    goodput = (flooded.accepted + patient.accepted) / capacity.accepted
    system.notes += [
        f"as much as it can: {capacity}",
        f"{_TIMES} times as much, on {_CONNECTIONS} connections that do not wait: {flooded}",
        f"clients that wait as they are told, meanwhile: {patient}",
        f"goodput {goodput:.2f} of the maximum, memory {grown:+.0f} MB, {backlog} updates queued",
        f"one client that asks too much: {greedy}",
        f"another one meanwhile: {modest}",
    ]
    system.missed += _misses(flooded, patient, greedy, modest, goodput=goodput, grown=grown)
    yield


def _round(load: Load) -> list[Pressed]:
    """As much as it can, with few and with many requests at once; then five times as much, and a few clients that wait as they are told."""
    calm = [_press(dataclasses.replace(load, connections=connections))[0] for connections in (_FEW, _MANY)]
    return calm + _press(
        dataclasses.replace(
            load, rate=_TIMES * max(each.accepted for each in calm), connections=_CONNECTIONS, tick_seconds=_TICK
        ),
        dataclasses.replace(load, rate=_MODEST_RATE, connections=_PATIENT_CONNECTIONS, tick_seconds=_TICK),
    )


def _misses(
    flooded: Pressed, patient: Pressed, greedy: Pressed, modest: Pressed, *, goodput: float, grown: float
) -> list[str]:
    held = {
        f"goodput is at least {_GOODPUT} of the maximum": goodput >= _GOODPUT,
        f"p99 of a refusal is under {_REFUSED_WITHIN} s for who waits as told": patient.refused_p99 < _REFUSED_WITHIN,
        f"p99 of a refusal is under {_RETRY_AFTER} s for who does not": flooded.refused_p99 < _RETRY_AFTER,
        f"p99 of a 202 is under {_ACCEPTED_WITHIN} s": max(flooded.accepted_p99, patient.accepted_p99)
        < _ACCEPTED_WITHIN,
        f"memory grows by less than {_GROWTH_MB} MB": grown < _GROWTH_MB,
        "every answer is a 202, 429 or 503": not any(each.others for each in (flooded, patient, greedy, modest)),
        "the client that asks too much is refused": bool(greedy.refused),
        "the other client is not": len(modest.refused) <= len(modest.took[_ACCEPTED]) / 100,
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
        pause_seconds=1.0,
    ),
)
