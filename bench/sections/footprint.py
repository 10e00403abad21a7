"""What the service costs before it does anything, and after it has done much: its start, and its memory."""

import shutil
import time
from pathlib import Path
from typing import Final

from app.embedded.folder import free_port
from bench.effort import Effort
from bench.ground import Ground
from bench.load import Load, press
from bench.programs import megabytes, module, running, wait_until_answers
from bench.result import Row, Section, Table, Verdict
from bench.service import account, whole_service
from bench.turns import Say

_POSTINGS: Final = 20_000
_API, _WORKER = "API process", "worker"
_FIRST, _LATER = "first start, data folder made", "later start"
_HOW: Final = (
    "Memory is read right after as many status updates as 64 connections can ask for in the time of a load five times as "
    "long as elsewhere: a minute's worth at most, not the hour of the target. A start is `postagens up` (what `make up` "
    "runs, packages being installed) from nothing to the first answer of `/health/ready`: PostgreSQL, Valkey, migrations, "
    "API and worker."
)


async def measure(ground: Ground, effort: Effort, say: Say) -> Section:
    """Press, weigh, and start anew."""
    memory = await _memory(ground, effort)
    say("memory is read")
    first, later = [], []
    for number in range(effort.starts):
        folder = ground.folder / f"up-{number}"
        first.append(_start(folder, ground.folder))
        later.append(_start(folder, ground.folder))
        shutil.rmtree(folder, ignore_errors=True)
        say(f"started in {first[-1]:.1f} s, and again in {later[-1]:.1f} s")
    starts = Table("Start to first answer", "s", [Row(_FIRST, first), Row(_LATER, later)])
    return Section(
        "footprint",
        "Footprint: memory and start",
        _HOW,
        [memory, starts],
        [
            Verdict("memory of an API process (RSS)", memory.median(f"{_API}, RSS"), "≤", 120, "MB"),
            Verdict("memory of a worker (RSS)", memory.median(f"{_WORKER}, RSS"), "≤", 100, "MB"),
            Verdict("first start, packages being installed", starts.median(_FIRST), "≤", 30, "s"),
            Verdict("later start", starts.median(_LATER), "≤", 3, "s"),
        ],
    )


async def _memory(ground: Ground, effort: Effort) -> Table:
    async with ground.filled(postings=_POSTINGS, updates=0) as place:
        caller = await account(place)
        with whole_service(ground, place) as (port, api, worker):
            press(Load(port, caller.scans(), connections=64, seconds=5 * effort.load_seconds)).all_of(202)
            rows = [
                Row(f"{name}, {kind}", [size])
                for name, process in ((_API, api), (_WORKER, worker))
                for kind, size in megabytes(process.pid).items()
            ]
    return Table("Memory after the load", "MB", rows)


def _start(folder: Path, logs: Path) -> float:
    """Seconds from nothing to the first answer."""
    port, log = free_port(), logs / f"up-{time.time_ns()}.log"
    began = time.perf_counter()
    with running(
        module("app.cli", "up", "--port", str(port), "--folder", str(folder)), log=log, environment={}
    ) as process:
        wait_until_answers(port, "/health/ready", process, log)
        return time.perf_counter() - began
