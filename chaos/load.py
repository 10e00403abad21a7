"""A load generator that does not wait: so many requests a second, whatever is answered: `python -m chaos.load ORDERS`.

Requests are written by hand on kept connections (HTTP/1.1, RFC 9112), since at five times what an API can do a client library
would be the first to give up.
"""

import asyncio
import itertools
import json
import os
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, cast

import uvloop
from typing_extensions import override

from chaos.ledger import NO_ANSWER, now

_TICK_SECONDS: Final = 0.002
_LAST_ANSWERS_SECONDS: Final = 1.0
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length: "


@dataclass(frozen=True, slots=True)
class Target:
    """A posting that is scanned again and again, and by whom."""

    token: str
    tracking_code: str


@dataclass(frozen=True, slots=True)
class Load:
    """So many requests a second (0: as many as are answered) on so many connections to a port, for so many seconds.

    `cores`: those that the generator may use, so that it takes nothing from what it measures (none: any).
    """

    port: int
    rate: float
    connections: int
    seconds: float
    targets: list[Target]
    cores: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Answered:
    """How long each answer took, in seconds, by status; and how many requests found no free connection."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    unsent: int = 0


class _Connection(asyncio.Protocol):
    """One kept connection: one request at a time."""

    def __init__(self, idle: "deque[_Connection]", answered: Answered) -> None:
        self._idle = idle
        self._answered = answered
        self._write: Callable[[bytes], None]
        self._received = b""
        self._sent: float | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast("asyncio.WriteTransport", transport).write
        self._idle.append(self)

    def send(self, request: bytes) -> None:
        """Send one request."""
        self._sent = now()
        self._write(request)

    @override
    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        length = received.find(_LENGTH)
        end = received.find(_END_OF_HEAD, length)
        if length < 0 or end < 0:
            self._received = received
            return
        body = int(received[length + len(_LENGTH) : received.index(b"\r", length + len(_LENGTH))])
        if len(received) < end + len(_END_OF_HEAD) + body:
            self._received = received
            return
        self._note(int(received[9:12]))
        self._received = b""
        self._idle.append(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._note(NO_ANSWER)

    def _note(self, status: int) -> None:
        if self._sent is not None:
            self._answered.seconds[status].append(now() - self._sent)
            self._sent = None


def _requests(targets: list[Target]) -> Iterator[tuple[bytes, bytes]]:
    """Head and beginning of the body for each target; the description, which differs each time, is still to come."""
    return itertools.cycle(
        [
            (
                f"PATCH /api/v1/postings/{target.tracking_code}/status HTTP/1.1\r\nHost: load\r\n"
                f"Authorization: Bearer {target.token}\r\nContent-Type: application/json\r\nContent-Length: ".encode(),
                b'{"status":"shipped","description":"',
            )
            for target in targets
        ]
    )


async def press(load: Load) -> Answered:
    """Press for the time ordered, and then wait for what is under way."""
    loop = asyncio.get_running_loop()
    answered, idle = Answered(), deque[_Connection]()
    opened = [
        await loop.create_connection(lambda: _Connection(idle, answered), "127.0.0.1", load.port)
        for _ in range(load.connections)
    ]
    requests, numbers = _requests(load.targets), itertools.count()
    began, offered = now(), 0
    while (elapsed := now() - began) < load.seconds:
        for _ in range(int(elapsed * load.rate) - offered if load.rate else len(idle)):
            offered += 1
            if not idle:
                answered.unsent += 1
                continue
            head, start = next(requests)
            body = start + b'%f %d"}' % (began, next(numbers))
            idle.popleft().send(head + b"%d" % len(body) + _END_OF_HEAD + body)
        await asyncio.sleep(_TICK_SECONDS)
    await asyncio.sleep(_LAST_ANSWERS_SECONDS)
    for transport, _ in opened:
        transport.abort()
    return answered


if __name__ == "__main__":
    ordered = json.loads(sys.stdin.read())
    load = Load(**{**ordered, "targets": [Target(**target) for target in ordered["targets"]]})
    if load.cores:
        os.sched_setaffinity(0, load.cores)
    result = uvloop.run(press(load))
    # Not print(): with PYTHONUNBUFFERED that is one write, of which a pipe may take a part only.
    with open(sys.stdout.fileno(), "w", closefd=False) as output:
        json.dump({"unsent": result.unsent, "seconds": result.seconds}, output)
