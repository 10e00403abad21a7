"""HTTP written byte by byte, and requests that are under way for as long as a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

import asyncpg

from tests.service import Service
from tests.shop import Answer

LONG_PATIENCE: Final = {
    "DATABASE_ACQUIRE_SECONDS": "60",
    "DATABASE_PATIENCE_SECONDS": "60",
    "DATABASE_STATEMENT_SECONDS": "60",
}


class RawConnection:
    """One connection on which requests are written byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, service: Service, *, local_address: str = "127.0.0.1", limit: int = 65536) -> Self:
        """Connect, from an address of this machine; `limit` is how much is read ahead, in bytes."""
        host, _, port = service.url.removeprefix("http://").partition(":")
        return cls(*await asyncio.open_connection(host, int(port), local_addr=(local_address, 0), limit=limit))

    def ask(self, path: str, token: str = "", **headers: str) -> None:
        """A whole request without a body."""
        self.write("GET", path, token, b"", **headers)

    def begin(self, token: str, *, length: int = 20, **headers: str) -> None:
        """The head of a request that has a body."""
        named = {"Content-Length": str(length), "Content-Type": "application/json", **headers}
        self.write("POST", "/api/v1/status-updates", token, b"", **named)

    def write(self, method: str, path: str, token: str, body: bytes = b"", **headers: str) -> None:
        """A request with its body, if it has one; or its head, where the headers announce a body."""
        if body:
            headers = {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: x",
            *([f"Authorization: Bearer {token}"] if token else []),
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    def end(self, length: int = 20) -> None:
        """The body."""
        self.writer.write(b"{" + b" " * (length - 2) + b"}")

    async def asked_for_its_body(self) -> None:
        """Until the body, announced with Expect, is asked for."""
        assert (await self.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")

    async def answer(self, *, within: float = 10) -> Answer:
        """The next answer, which begins within so many seconds."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), within)).decode()
        status, *lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        titled = {name.title(): value for name, value in headers.items()}
        return Answer(int(status.split()[1]), titled, await self.reader.readexactly(int(titled["Content-Length"])))

    async def closed(self) -> bytes:
        """What still comes until the service has closed the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10)
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        """End it from this side."""
        self.writer.close()


@asynccontextmanager
async def under_way(service: Service, *tokens: str, each: int = 2) -> AsyncIterator[list[RawConnection]]:
    """So many requests of each token, which must be the share of one caller, are under way until the block is left.

    PostgreSQL keeps them waiting for a table, which a service with the settings LONG_PATIENCE bears.
    """
    locker = await asyncpg.connect(service.environment["DATABASE_URL"])
    connections: list[RawConnection] = []
    try:
        await locker.execute("BEGIN; LOCK TABLE postings IN ACCESS EXCLUSIVE MODE")
        for token in tokens:
            connections += await _let_in(service, token, each)
        yield connections
    finally:
        await locker.close()
    for connection in connections:
        assert (await connection.answer()).status == 404
        connection.close()


async def _let_in(service: Service, token: str, count: int) -> list[RawConnection]:
    """One more than may be is asked: whichever is turned away says that the others have been let in."""
    connections = [await RawConnection.to(service) for _ in range(count + 1)]
    for connection in connections:
        connection.ask("/api/v1/tracking/EE876543216CA", token)
    answers = {asyncio.ensure_future(connection.answer()): connection for connection in connections}
    done, waiting = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
    assert [(await each).status in (429, 503) for each in done] == [True]
    for each in done:
        answers[each].close()
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    return [answers[each] for each in waiting]
