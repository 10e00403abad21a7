"""The world outside, on loopback: receivers that answer as they are told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import web

from chaos.names import NameServer

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

LOOPBACK: Final = "127.0.0.1"
# Turns of the event loop from an accepted socket to the task that serves it: one to make the connection, one to tell its protocol, one to
# begin; and one to spare.
_STEPS_OF_AN_ACCEPT: Final = 4


@dataclass(slots=True)
class Receiver:
    """What came to a server of HTTP."""

    port: int = 0
    connections: int = 0
    open_connections: int = 0
    requests: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


async def accept(_: web.BaseRequest) -> web.StreamResponse:
    """The answer of a receiver that is well."""
    return web.Response(status=204)


async def accept_and_hang_up(_: web.BaseRequest) -> web.StreamResponse:
    """The same, after which the next post has to connect again."""
    return web.Response(status=204, headers={"Connection": "close"})


async def stop_listening(server: asyncio.Server) -> None:
    """Let nobody in any more; whoever has been is there by the end, so that who closes all connections closes these too.

    A server of Python 3.11 that is closed while it lets somebody in forgets that connection, and leaves it open.
    """
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening)
    for _ in range(_STEPS_OF_AN_ACCEPT):
        await asyncio.sleep(0)
    server.close()


@asynccontextmanager
async def receiver(
    handler: Handler = accept, *, host: str = LOOPBACK, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Yield a receiver whose answers the handler makes."""
    told = Receiver()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        told.requests.append(request)
        told.bodies.append(await request.read())
        return await handler(request)

    server = web.Server(handle, access_log=None)
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        told.connections += 1  # before TLS or HTTP have a say
        return server()

    listening = await loop.create_server(protocol, host, port, ssl=tls)
    told.port = listening.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        await stop_listening(listening)
        await server.shutdown(0.01)  # 0 would be for ever


@asynccontextmanager
async def talking(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    host: str = LOOPBACK,
    port: int = 0,
) -> AsyncIterator[Receiver]:
    """Yield a server of whatever protocol `talk` speaks; it counts whoever connects."""
    told = Receiver()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.connections += 1
        told.open_connections += 1
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            told.open_connections -= 1
            serving.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, host, port)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        await stop_listening(server)
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


@asynccontextmanager
async def canary(*, host: str = LOOPBACK, port: int = 0) -> AsyncIterator[Receiver]:
    """Yield a server that nobody may connect to: `connections` tells."""

    async def hang_up(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        return

    async with talking(hang_up, host=host, port=port) as bird:
        yield bird


@asynccontextmanager
async def asking(names: NameServer) -> AsyncIterator[aiohttp.AsyncResolver]:
    """Yield the resolver of the application, which asks this name server."""
    resolver = aiohttp.AsyncResolver(nameservers=[LOOPBACK], udp_port=names.port, timeout=1, tries=1)
    yield resolver
    await resolver.close()
