"""A receiver of webhooks in a process of its own: answers as it is told to, and notes what came: `python -m chaos.receiver ORDERS`."""

import asyncio
import json
import random
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from chaos.ledger import NO_ANSWER, Ledger, Received, now

WELL: Final = "well"
MOODS: Final = {WELL: 204, "fails": 500, "is-silent": NO_ANSWER, "answers-at-length": 500, "redirects": 307}
"""How a receiver may be, and the status that it then answers."""

_MB: Final = 2**20
_SILENT_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 0.1
_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass(frozen=True, slots=True)
class Orders:
    """What a receiver is told: where to listen, where its ledger is, and which file says how to answer.

    `share_of_failures`: so many of the requests fail even when it is well. `canary` is the port to which it redirects.
    """

    port: int
    ledger: str
    mood: str
    canary: int
    share_of_failures: float = 0.0


def met(path: Path, mood: str) -> Path:
    """The file that is there once a webhook has met this mood."""
    return path.with_suffix(f".{mood}")


class _Receiver:
    def __init__(self, orders: Orders, ledger: Ledger) -> None:
        self._orders = orders
        self._ledger = ledger
        self._mood = Path(orders.mood)

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        """Note what came, then answer in the mood of the moment; every answer ends its connection."""
        body = await request.text()
        mood = self._mood.read_text(encoding="ascii")
        if mood == WELL and random.random() < self._orders.share_of_failures:
            mood = "fails"
        identity, timestamp, signature = (request.headers.get(name, "") for name in _HEADERS)
        status = MOODS[mood]
        self._ledger.write(Received(request.path, identity, timestamp, signature, body, status, now(), mood))
        met(self._mood, mood).touch()
        if status == NO_ANSWER:
            await asyncio.sleep(_SILENT_SECONDS)
        return web.Response(
            status=status or 504,
            headers={"Connection": "close", "Location": f"http://127.0.0.1:{self._orders.canary}/"},
            body=b"x" * 10 * _MB if mood == "answers-at-length" else None,
        )


async def serve(orders: Orders) -> None:
    """Be that receiver until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    with Ledger(Path(orders.ledger)) as ledger:
        server = web.Server(_Receiver(orders, ledger).receive, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", orders.port).start()
        await stopping.wait()
        await runner.cleanup()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Orders(**json.loads(sys.argv[1]))))
