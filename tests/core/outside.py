"""The world outside, on loopback: receivers that answer as they are told, and a name server whose answers can change."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final, cast

import aiohttp
import dns.message
import dns.rrset
from aiohttp import web
from typing_extensions import override

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

LOOPBACK: Final = "127.0.0.1"


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

    class _Counting(asyncio.Protocol):
        """Counts whoever connects, before TLS or HTTP have a say."""

        def __init__(self) -> None:
            told.connections += 1

    def protocol() -> asyncio.Protocol:
        _Counting()
        return server()

    listening = await loop.create_server(protocol, host, port, ssl=tls)
    told.port = listening.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        listening.close()
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
        server.close()
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


@dataclass(slots=True)
class NameServer:
    """A name server for names that mean what `addresses` says now."""

    port: int
    addresses: dict[str, list[str]]
    questions: int = 0

    @asynccontextmanager
    async def resolver(self) -> AsyncIterator[aiohttp.AsyncResolver]:
        """Yield the resolver of the application, asking here."""
        resolver = aiohttp.AsyncResolver(nameservers=[LOOPBACK], udp_port=self.port, timeout=1, tries=1)
        yield resolver
        await resolver.close()


class _Answering(asyncio.DatagramProtocol):
    def __init__(self, names: NameServer) -> None:
        self._names = names

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        self._names.questions += 1
        for asked in question.question:
            name = asked.name.to_text(omit_final_dot=True)
            for address in self._names.addresses.get(name, ()):
                kind = "AAAA" if isinstance(ip_address(address), IPv6Address) else "A"
                if asked.rdtype.name == kind:
                    answer.answer.append(dns.rrset.from_text(asked.name, 0, "IN", kind, address))
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def name_server(**addresses: list[str]) -> AsyncIterator[NameServer]:
    """Yield a name server of our own; no answer of its may be kept."""
    names = NameServer(0, dict(addresses))
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Answering(names), local_addr=(LOOPBACK, 0)
    )
    names.port = transport.get_extra_info("sockname")[1]
    try:
        yield names
    finally:
        transport.close()
