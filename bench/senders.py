"""Who delivers what is owed, and how each is started: the product's webhook worker, and peers with a task for each delivery."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg

from app.embedded.folder import free_port
from bench.ground import Ground, Place
from bench.owed import ENDPOINTS, WEBHOOK_SECRET, owe
from bench.programs import ROOT, NotMeasured, module, running
from bench.workers import PEERS, Peer, Speed, Work, cpu_until_done, fill_queue, rate, until_begun

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
_DELIVERING: Final = Work(
    "SELECT FROM webhook_deliveries WHERE due_at IS NOT NULL",
    "SELECT FROM webhook_deliveries WHERE state = 'delivered'",
    patience_seconds=300.0,
)


async def our_sender(ground: Ground, place: Place, *, deliveries: int) -> Speed:
    """One webhook worker of ours."""
    with _receivers(ground) as port:
        await owe(place, deliveries=deliveries, port=port)
        environment = {**place.environment, "WEBHOOK_DEVELOPMENT": "true"}
        log = _log(ground, "webhook-worker")
        with running(module("app.webhook_worker"), log=log, environment=environment) as process:
            await until_begun(place, _DELIVERING, "our worker", log)
            cpu = await cpu_until_done(place, _DELIVERING, "our worker", log, [process])
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
            await until_begun(place, _DELIVERING, peer.label, log)
            cpu = await cpu_until_done(place, _DELIVERING, peer.label, log, [process])
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


async def _rate(place: Place) -> float:
    connection = await asyncpg.connect(place.database_url)
    rows = await connection.fetch("SELECT state, attempts, finished_at FROM webhook_deliveries ORDER BY finished_at")
    await connection.close()
    if any((row["state"], row["attempts"]) != ("delivered", 1) for row in rows):
        raise NotMeasured("not everything was delivered at the first attempt")
    return rate([row["finished_at"] for row in rows], datetime.min.replace(tzinfo=UTC))
