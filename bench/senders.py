"""Who delivers what is owed, and how each is started: the product's webhook worker, and peers with a task for each delivery."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg

from app.embedded.folder import free_port
from app.embedded.process import Process
from bench.ground import Ground, Place, until_nothing_waits
from bench.owed import ENDPOINTS, WEBHOOK_SECRET, owe
from bench.programs import ROOT, NotMeasured, cpu_seconds, module, running
from bench.workers import PEERS, Peer, Speed, fill_queue, rate

SENDING: Final = (
    Peer(
        "taskiq and aiohttp",
        "send_with_taskiq",
        "others",
        ("-m", "taskiq", "worker", "send_with_taskiq:broker", "--workers", "1"),
    ),
    Peer("SAQ and aiohttp", "send_with_saq", "others", ("-m", "saq", "send_with_saq.settings")),
    Peer(
        "dramatiq and requests, 2 processes of 32 threads",
        "send_with_dramatiq",
        "others",
        ("-m", "dramatiq", "send_with_dramatiq", "--processes", "2", "--threads", "32"),
    ),
)
_OWED: Final = "SELECT FROM webhook_deliveries WHERE due_at IS NOT NULL"
_NOTHING_YET: Final = "SELECT WHERE NOT EXISTS (SELECT FROM webhook_deliveries WHERE due_at IS NULL)"
_PATIENCE_SECONDS: Final = 300.0


async def our_sender(ground: Ground, place: Place, *, deliveries: int) -> Speed:
    """One webhook worker of ours."""
    with _receivers(ground) as port:
        await owe(place, deliveries=deliveries, port=port)
        environment = {**place.environment, "WEBHOOK_DEVELOPMENT": "true"}
        log = _log(ground, "webhook-worker")
        with running(module("app.webhook_worker"), log=log, environment=environment) as process:
            cpu = await _cpu_until_delivered(place, "our worker", log, process)
    return Speed(await _rate(place), cpu)


async def peer_sender(ground: Ground, place: Place, peer: Peer, *, deliveries: int) -> Speed:
    """All processes of the peer."""
    environment = {
        "DATABASE_URL": place.database_url,
        "REDIS_URL": place.redis_url,
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "PYTHONPATH": str(PEERS),
    }
    with _receivers(ground) as port:
        await owe(place, deliveries=deliveries, port=port)
        fill_queue(peer, environment, await _owed(place))
        log = _log(ground, peer.module)
        with running([peer.python, *peer.command], log=log, environment=environment, cwd=PEERS) as process:
            cpu = await _cpu_until_delivered(place, peer.label, log, process)
    return Speed(await _rate(place), cpu)


@contextmanager
def _receivers(ground: Ground) -> Iterator[int]:
    """Run them until the block ends; yield their port."""
    port = free_port()
    words = module("bench.receivers", str(port), str(ENDPOINTS))
    with running(words, log=_log(ground, "receivers"), environment={"PYTHONPATH": str(ROOT)}):
        yield port


def _log(ground: Ground, name: str) -> Path:
    return ground.folder / f"{name}-{time.time_ns()}.log"


async def _owed(place: Place) -> list[str]:
    connection = await asyncpg.connect(place.database_url)
    rows = await connection.fetch("SELECT id FROM webhook_deliveries ORDER BY id")
    await connection.close()
    return [str(row["id"]) for row in rows]


async def _cpu_until_delivered(place: Place, label: str, log: Path, process: Process) -> float:
    """Wait for the first and for the last delivery; what each between the two cost, so that no start is counted."""
    samples = []
    for waiting in (_NOTHING_YET, _OWED):
        if not await until_nothing_waits(place.database_url, seconds=_PATIENCE_SECONDS, waiting=waiting):
            words = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise NotMeasured(f"{label} did not deliver everything within {_PATIENCE_SECONDS:g} s:\n{words}")
        samples.append((cpu_seconds(process.pid), await _count_delivered(place)))
    (cpu, count), (cpu_at_end, count_at_end) = samples
    return 1_000_000 * (cpu_at_end - cpu) / max(1, count_at_end - count)


async def _count_delivered(place: Place) -> int:
    connection = await asyncpg.connect(place.database_url)
    count: int = await connection.fetchval("SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'")
    await connection.close()
    return count


async def _rate(place: Place) -> float:
    connection = await asyncpg.connect(place.database_url)
    rows = await connection.fetch("SELECT state, attempts, finished_at FROM webhook_deliveries ORDER BY finished_at")
    await connection.close()
    if any((row["state"], row["attempts"]) != ("delivered", 1) for row in rows):
        raise NotMeasured("not everything was delivered at the first attempt")
    return rate([row["finished_at"] for row in rows], datetime.min.replace(tzinfo=UTC))
