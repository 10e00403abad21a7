"""The network between the processes: a TCP proxy on every link, whose behaviour a fault can change while traffic flows."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias, TypeVar

import uvloop

T = TypeVar("T")

_CHUNK: Final = 65_536
Direction: TypeAlias = Literal["request", "reply"]


class _CutError(Exception):
    """The connection ends here, with a reset."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Bytes go through as they come."""


@dataclass(frozen=True, slots=True)
class Blackhole:
    """Nothing comes through and nobody is told; what was sent arrives when the link is well again, as TCP would repeat it."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Every connection is reset, and every new one too."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Each way takes `seconds`, more or less by up to `jitter`."""

    seconds: float
    jitter: float


@dataclass(frozen=True, slots=True)
class CutReply:
    """A request that contains `marker` reaches the server, and its reply is lost with the connection."""

    marker: bytes


Behaviour: TypeAlias = Pass | Blackhole | Reset | Latency | CutReply


class _Connection:
    """One connection through a link: two pumps that end together."""

    def __init__(self, link: "Link", streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._link = link
        self._reader, self._writer = streams
        self._peer: asyncio.StreamWriter | None = None
        self._marked = False

    async def run(self) -> None:
        """Carry bytes until one side ends, or the link cuts."""
        if isinstance(self._link.behaviour, Reset):
            self.reset()
            return
        try:
            reader, self._peer = await asyncio.open_connection("127.0.0.1", self._link.target)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(self._reader, self._peer, "request"))
                pumps.create_task(self._pump(reader, self._writer, "reply"))
        except (_CutError, OSError, ExceptionGroup):
            self.reset()
        finally:
            for writer in filter(None, (self._writer, self._peer)):
                writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction) -> None:
        while data := await reader.read(_CHUNK):
            await self._suffer(data, direction)
            writer.write(data)
            await writer.drain()
        await self._suffer(b"", direction)
        writer.write_eof()

    async def _suffer(self, data: bytes, direction: Direction) -> None:
        """Undergo what the link does to these bytes."""
        while isinstance(self._link.behaviour, Blackhole):
            await self._link.changed.wait()
        match self._link.behaviour:
            case Reset():
                raise _CutError
            case Latency(seconds, jitter):
                await asyncio.sleep(seconds + random.uniform(-jitter, jitter))
            case CutReply(marker) if direction == "request":
                self._marked = self._marked or marker in data
            case CutReply() if self._marked:
                self._link.cuts += 1
                raise _CutError
            case _:
                pass

    def reset(self) -> None:
        """End both sides with a RST instead of a FIN: SO_LINGER of zero seconds."""
        for writer in filter(None, (self._writer, self._peer)):
            with suppress(OSError, ValueError):  # uvloop's word for a side that is closed already
                raw: socket.socket | None = writer.get_extra_info("socket")
                if raw is not None:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Link:
    """One way from a process to another: listens on `port` and leads to `target`, both on loopback."""

    def __init__(self, name: str, target: int) -> None:
        self.name: Final = name
        self.target = target
        self.port = 0
        self.cuts = 0
        self.behaviour: Behaviour = Pass()
        self.changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, (reader, writer))
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def behave(self, behaviour: Behaviour) -> None:
        """Change what happens to the bytes from now on."""
        self.behaviour = behaviour
        self.changed.set()
        self.changed = asyncio.Event()
        if isinstance(behaviour, Reset):
            for connection in list(self._connections):
                connection.reset()


class Network:
    """All links, in a thread of their own: whoever starts and stops processes never holds up the traffic."""

    def __init__(self) -> None:
        # All that the processes say to each other comes through here: half the work is half of what the network takes from them.
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self.links: dict[str, Link] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def connect(self, name: str, target: int) -> int:
        """Make the link `name` to a port of this machine, or lead it there; the port on which it listens."""

        async def make() -> Link:
            link = Link(name, target)
            await link.open()
            return link

        if name in self.links:
            self.lead(name, target)
        else:
            self.links[name] = self._do(make())
        return self.links[name].port

    def behave(self, name: str, behaviour: Behaviour) -> None:
        """Change one link's behaviour, and return when it has changed."""
        self._call(lambda: self.links[name].behave(behaviour))

    def lead(self, name: str, target: int) -> None:
        """New connections through the link go to this port from now on."""

        def change() -> None:
            self.links[name].target = target

        self._call(change)

    def heal(self) -> None:
        """Every link passes again."""
        for name in self.links:
            self.behave(name, Pass())

    def _call(self, work: Callable[[], T]) -> T:
        async def call() -> T:
            return work()

        return self._do(call())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _close_all(self) -> None:
        for link in self.links.values():
            link.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
