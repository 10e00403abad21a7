"""A load on one port, by hand on kept connections (HTTP/1.1, RFC 9112), in a process and on cores of its own: `python -m bench.load`.

Each connection asks again as soon as it is answered, or, with a rate, whenever it is time, whatever is answered. By hand, since at
several times what an API can do a client library would be the first to give up.
"""

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final, cast

import uvloop
from typing_extensions import override

from bench.programs import ROOT, NotMeasured

UNIQUE: Final = "0" * 20
"""Stands in a request for a number that differs each time it is sent."""
NO_ANSWER: Final = 0
"""The status of a request that was never answered."""

_TICK_SECONDS: Final = 0.001
_LAST_ANSWERS_SECONDS: Final = 2.0
_END_OF_HEAD: Final = b"\r\n\r\n"
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def request(method: str, path: str, body: object = None, *, token: str = "") -> str:
    """A whole request as it is sent; `body` is JSON and may hold UNIQUE."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    text = "" if body is None else json.dumps(body)
    if text:
        lines += ["Content-Type: application/json", f"Content-Length: {len(text)}"]
    return "\r\n".join([*lines, "", text])


@dataclass(frozen=True, slots=True)
class Load:
    """So many requests a second (0: as many as are answered) on so many connections, for `warm_seconds` that do not count and then
    for `seconds`."""

    port: int
    requests: list[str]
    connections: int
    seconds: float
    warm_seconds: float = 0.3
    rate: float = 0
    tick_seconds: float = _TICK_SECONDS
    """How often it is looked at what is due by the rate; each look takes its time from whoever shares the core."""
    cores: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Answered:
    """How long each answer took, in seconds, by status; and how many requests found no free connection."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    unsent: int = 0

    def all_of(self, status: int) -> list[float]:
        """How long the answers took; raises NotMeasured when there were none, or others."""
        if set(self.seconds) != {status}:
            raise NotMeasured(
                f"not all were answered {status}: { {each: len(took) for each, took in self.seconds.items()} }"
            )
        return self.seconds[status]


class _Connection(asyncio.Protocol):
    """One kept connection: one request at a time."""

    def __init__(self, on_free: "Callable[[_Connection], None]", on_answer: Callable[[int, float], None]) -> None:
        self._on_free = on_free
        self._on_answer = on_answer
        self._write: Callable[[bytes], None]
        self._received = bytearray()
        self._end = 0
        self._sent: float | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast("asyncio.WriteTransport", transport).write
        self._on_free(self)

    def send(self, data: bytes) -> None:
        """Send one request."""
        self._sent = time.perf_counter()
        self._write(data)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._end:
            head = self._received.find(_END_OF_HEAD)
            if head < 0:
                return
            length = _CONTENT_LENGTH.search(self._received, 0, head + 2)
            if length is None:
                raise NotMeasured("an answer does not say how long it is")
            self._end = head + len(_END_OF_HEAD) + int(length[1])
        if len(self._received) >= self._end:
            self._note(int(self._received[9:12]))
            self._received.clear()
            self._end = 0
            self._on_free(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._note(NO_ANSWER)

    def _note(self, status: int) -> None:
        if self._sent is not None:
            self._on_answer(status, time.perf_counter() - self._sent)
            self._sent = None


class _Press:
    """One load under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        parts = [each.encode().partition(UNIQUE.encode()) for each in load.requests]
        self._requests = itertools.cycle(parts)
        self._numbers = itertools.count(time.time_ns())
        self._idle: deque[_Connection] = deque()
        self._counts_from = time.perf_counter() + load.warm_seconds
        self._ends = self._counts_from + load.seconds
        self._answered = Answered()

    async def run(self) -> Answered:
        """Press for the time ordered, and then wait for what is under way."""
        loop = asyncio.get_running_loop()
        opened = [
            await loop.create_connection(lambda: _Connection(self._free, self._note), "127.0.0.1", self._load.port)
            for _ in range(self._load.connections)
        ]
        began, offered = time.perf_counter(), 0
        while (now := time.perf_counter()) < self._ends:
            for _ in range(int((now - began) * self._load.rate) - offered):
                offered += 1
                if self._idle:
                    self._send(self._idle.popleft())
                else:
                    self._answered.unsent += 1
            await asyncio.sleep(self._load.tick_seconds if self._load.rate else self._ends - now)
        while len(self._idle) < len(opened) and time.perf_counter() < self._ends + _LAST_ANSWERS_SECONDS:
            await asyncio.sleep(_TICK_SECONDS)
        for transport, _ in opened:
            transport.abort()
        return self._answered

    def _free(self, connection: _Connection) -> None:
        if self._load.rate or time.perf_counter() >= self._ends:
            self._idle.append(connection)
        else:
            self._send(connection)

    def _send(self, connection: _Connection) -> None:
        before, unique, after = next(self._requests)
        connection.send(before + b"%020d" % next(self._numbers) + after if unique else before)

    def _note(self, status: int, seconds: float) -> None:
        if status == NO_ANSWER or self._counts_from <= time.perf_counter() < self._ends:
            self._answered.seconds[status].append(seconds)


def press(load: Load) -> Answered:
    """Press from a process of its own, and return what was answered."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        input=json.dumps(asdict(load)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=load.warm_seconds + load.seconds + 60,
    )
    answered = json.loads(done.stdout)
    return Answered({int(status): took for status, took in answered["seconds"].items()}, answered["unsent"])


if __name__ == "__main__":
    ordered = Load(**json.loads(sys.stdin.read()))
    if ordered.cores:
        os.sched_setaffinity(0, ordered.cores)
    found = uvloop.run(_Press(ordered).run())
    # Not print(): with PYTHONUNBUFFERED that is one write, of which a pipe may take a part only.
    with open(sys.stdout.fileno(), "w", closefd=False) as output:
        json.dump({"seconds": found.seconds, "unsent": found.unsent}, output)
