"""A TCP forwarder that can fall silent, as a network does that loses everything and resets nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from tests.core.outside import stop_listening

_CHUNK: Final = 65536


class Proxy:
    """Forwards connections to the server of a URL; `url` leads through it."""

    def __init__(self, target_url: str, port: int) -> None:
        parts = urlsplit(target_url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)
        self.url: Final = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{port}")).geturl()
        self._silent = False
        self._swallowed: bytes | None = None
        self.connections = 0

    def fall_silent(self) -> None:
        """From now on no byte goes through in any direction; whoever connects is heard and never answered."""
        self._silent = True

    def swallow_the_answer_to(self, words: bytes) -> None:
        """Pass the next request with these words on, and lose its answer and all that follows on its connection."""
        self._swallowed = words

    def heal(self) -> None:
        """New connections pass; those that lost something stay as they are."""
        self._silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        lost = asyncio.Event()
        try:
            with suppress(OSError):
                await asyncio.gather(
                    self._forward(reader, far_writer, lost, asks=True),
                    self._forward(far_reader, writer, lost, asks=False),
                )
        finally:
            writer.close()
            far_writer.close()

    async def _forward(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, lost: asyncio.Event, *, asks: bool
    ) -> None:
        while data := await source.read(_CHUNK):
            if self._silent:
                lost.set()
            if lost.is_set():
                continue
            if asks and self._swallowed is not None and self._swallowed in data:
                self._swallowed = None
                lost.set()
            sink.write(data)
            await sink.drain()
        if not lost.is_set() and not self._silent:
            sink.close()


@asynccontextmanager
async def proxy_to(target_url: str) -> AsyncIterator[Proxy]:
    """Yield a forwarder to the server of this URL, on a port of its own."""
    serving: set[asyncio.Task[None]] = set()
    proxy: Proxy

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(proxy.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)
        with suppress(asyncio.CancelledError, OSError):
            await task

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy = Proxy(target_url, server.sockets[0].getsockname()[1])
    try:
        yield proxy
    finally:
        await stop_listening(server)
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
