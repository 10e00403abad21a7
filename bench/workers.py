"""Who empties a full queue, and how each is started: the product's worker, and every peer in its own way."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg

from app.core.redis import open_streams
from app.embedded.process import Process
from bench.ground import QUEUED_UPDATE, Ground, Place, until_nothing_waits
from bench.programs import ROOT, NotMeasured, cpu_seconds, module, running

PEERS: Final = ROOT / "bench" / "peers"
_PATIENCE_SECONDS: Final = 120.0
_STARTED: Final = "worker started"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to do the work: the module in bench/peers, its environment there, and the words that start it."""

    label: str
    module: str
    environment: str
    command: tuple[str, ...]
    batches: bool = False

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return PEERS / f".venv-{self.environment}" / "bin" / "python"


FASTSTREAM: Final = Peer(
    "FastStream in batch mode, same SQL",
    "with_faststream",
    "others",
    ("-m", "faststream", "run", "with_faststream:app"),
    batches=True,
)
SINGLE: Final = (
    Peer(
        "dramatiq, 2 processes of 8 threads",
        "with_dramatiq",
        "others",
        ("-m", "dramatiq", "with_dramatiq", "--processes", "2", "--threads", "8"),
    ),
    Peer(
        "taskiq, Redis stream",
        "with_taskiq",
        "others",
        ("-m", "taskiq", "worker", "with_taskiq:broker", "--workers", "1"),
    ),
    Peer("SAQ", "with_saq", "others", ("-m", "saq", "with_saq.settings")),
    Peer("arq", "with_arq", "arq", ("-m", "arq", "with_arq.WorkerSettings")),
    Peer(
        "Celery, 4 processes",
        "with_celery",
        "others",
        ("-m", "celery", "-A", "with_celery", "worker", "-c", "4", "-l", "WARNING"),
    ),
    Peer("the ordinary way: BLPOP, a transaction a message", "ordinarily", "others", ("ordinarily.py",)),
)


async def waiting_postings(place: Place) -> list[int]:
    """The postings that have a queued update, in the order of acceptance."""
    connection = await asyncpg.connect(place.database_url)
    rows = await connection.fetch("SELECT posting_id FROM status_updates WHERE state = 'queued' ORDER BY seq")
    await connection.close()
    return [row["posting_id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Work:
    """Queries that tell how far it is, rows while some of it waits and rows for what of it is done; and how long that is waited for."""

    waiting: str
    done: str
    patience_seconds: float


_DECIDING: Final = Work(QUEUED_UPDATE, "SELECT FROM status_updates WHERE state <> 'queued'", _PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class Speed:
    """How much a second was done, and what the processes that did it used of the processor for each, in microseconds."""

    rate: float
    cpu: float


async def our_workers(ground: Ground, place: Place, *, processes: int) -> Speed:
    """So many of our workers, from when the last of them has started."""
    async with open_streams(place.redis_url, count=1, timeout_seconds=_PATIENCE_SECONDS) as (stream,):
        await stream.add(await waiting_postings(place))
    logs = [ground.folder / f"worker-{number}-{time.time_ns()}.log" for number in range(processes)]
    with ExitStack() as stack:
        environment = {**place.environment, "LOG_LEVEL": "INFO"}
        workers = [stack.enter_context(running(module("app.worker"), log=log, environment=environment)) for log in logs]
        while not all(_STARTED in log.read_text(encoding="utf-8") for log in logs):
            time.sleep(0.005)
        started = datetime.now(UTC)
        cpu = await cpu_until_done(place, _DECIDING, "our worker", logs[0], workers)
    return Speed(await _rate(place, started), cpu)


async def peer_workers(ground: Ground, place: Place, peer: Peer) -> Speed:
    """All processes of the peer, from the first update it has decided to the last."""
    environment = {"DATABASE_URL": place.database_url, "REDIS_URL": place.redis_url, "PYTHONPATH": str(PEERS)}
    fill_queue(peer, environment, await waiting_postings(place))
    log = ground.folder / f"{peer.module}-{time.time_ns()}.log"
    with running([peer.python, *peer.command], log=log, environment=environment, cwd=PEERS) as process:
        await until_begun(place, _DECIDING, peer.label, log)
        cpu = await cpu_until_done(place, _DECIDING, peer.label, log, [process])
    return Speed(await _rate(place, datetime.min.replace(tzinfo=UTC)), cpu)


def fill_queue(peer: Peer, environment: Mapping[str, str], ids: Sequence[int | str]) -> None:
    """Put a message for each of the ids into the peer's queue."""
    if not peer.python.exists():
        raise NotMeasured("the peers are not installed: sh .ci/sync peers")
    subprocess.run(
        [peer.python, "fill.py", peer.module],
        cwd=PEERS,
        env=environment,
        input="\n".join(map(json.dumps, ids)),
        text=True,
        check=True,
        timeout=_PATIENCE_SECONDS,
        stdout=sys.stderr,
    )


async def until_begun(place: Place, work: Work, label: str, log: Path) -> None:
    """Wait until the first of it is done."""
    await _until(place, f"SELECT WHERE NOT EXISTS ({work.done})", work.patience_seconds, label, log)


async def cpu_until_done(place: Place, work: Work, label: str, log: Path, processes: Sequence[Process]) -> float:
    """Wait until all of it is done; what each from now on cost, in microseconds, so that no start is counted."""
    cpu, count = _cpu_of(processes), await _count(place, work.done)
    await _until(place, work.waiting, work.patience_seconds, label, log)
    return 1_000_000 * (_cpu_of(processes) - cpu) / max(1, await _count(place, work.done) - count)


def _cpu_of(processes: Sequence[Process]) -> float:
    return sum(cpu_seconds(process.pid) for process in processes)


async def _count(place: Place, query: str) -> int:
    connection = await asyncpg.connect(place.database_url)
    count: int = await connection.fetchval(f"SELECT count(*) FROM ({query})")
    await connection.close()
    return count


async def _until(place: Place, waiting: str, seconds: float, label: str, log: Path) -> None:
    if not await until_nothing_waits(place.database_url, seconds=seconds, waiting=waiting):
        words = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise NotMeasured(f"{label} was not done within {seconds:g} s:\n{words}")


async def _rate(place: Place, since: datetime) -> float:
    connection = await asyncpg.connect(place.database_url)
    rows = await connection.fetch("SELECT decided_at FROM status_updates ORDER BY decided_at")
    await connection.close()
    return rate([row["decided_at"] for row in rows], since)


def rate(moments: Sequence[datetime], since: datetime) -> float:
    """What was done after the first of the moments, in order (that one's work was before), over the time to the last.

    Where most was done before `since`, too little is left to measure: then from the first moment of all.
    """
    late = [moment for moment in moments if moment >= since]
    counted = late if len(late) > len(moments) / 2 else moments
    seconds = (counted[-1] - counted[0]).total_seconds()
    if not seconds:
        raise NotMeasured("all was done in one moment: too little of it")
    return sum(moment > counted[0] for moment in counted) / seconds
