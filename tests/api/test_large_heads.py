"""Heads and trailers that have no end: what each further piece costs grows, so they are bounded, and nothing else is by that."""

import asyncio
import contextlib
from typing import Final

from tests.api.raw import RawConnection
from tests.service import Service
from tests.shop import Shop

_PIECE: Final = b"x" * 16_384
_MOST_PIECES: Final = 1_000


async def pour(connection: RawConnection) -> int:
    """Send more and more of the same until nobody listens any more; how many pieces that took."""
    for sent in range(_MOST_PIECES):
        connection.writer.write(_PIECE)
        await connection.writer.drain()
        await asyncio.sleep(0.005)
        if connection.reader.at_eof() or connection.writer.is_closing():
            return sent
    return _MOST_PIECES


async def head(connection: RawConnection) -> bytes:
    """The head of the answer; what comes after it may be lost, since what was still on its way resets the connection."""
    return await asyncio.wait_for(connection.reader.readuntil(b"\r\n\r\n"), 10)


async def test_a_head_without_an_end_is_refused_while_it_arrives(service: Service) -> None:
    connection = await RawConnection.to(service)
    connection.writer.write(
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nAccept-Language: pt\r\nX-Request-ID: endless-1\r\nX-More: "
    )
    for _ in range(6):
        connection.writer.write(_PIECE)
        await connection.writer.drain()
        await asyncio.sleep(0.05)
    answer = await connection.answer()
    assert (answer.status, answer.code) == (431, "head_too_large")
    assert answer.json["title"] == "Cabeçalhos grandes demais"
    assert (answer.headers["Connection"], answer.headers["X-Request-Id"]) == ("close", "endless-1")
    assert await connection.closed() == b""
    connection.close()


async def test_who_goes_on_is_not_listened_to(service: Service) -> None:
    connection = await RawConnection.to(service)
    connection.writer.write(b"GET /")
    with contextlib.suppress(ConnectionError):
        assert await pour(connection) < _MOST_PIECES
    connection.close()


async def test_so_are_trailers(service: Service) -> None:
    connection = await RawConnection.to(service)
    connection.writer.write(
        b"POST /api/v1/status-updates HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-More: "
    )
    for _ in range(6):
        connection.writer.write(_PIECE)
        await connection.writer.drain()
        await asyncio.sleep(0.05)
    assert (await head(connection)).startswith(b"HTTP/1.1 431 ")
    connection.close()


async def test_requests_that_come_together_are_no_long_head(service: Service, shop: Shop) -> None:
    connection = await RawConnection.to(service)
    token = shop.headers["Authorization"].removeprefix("Bearer ")
    for _ in range(8):
        connection.begin(token, length=40_000)
        connection.end(40_000)
    await connection.writer.drain()
    assert [(await connection.answer()).status for _ in range(8)] == [422] * 8
    connection.close()


async def test_a_long_head_is_fine_while_it_is_below_the_bound(service: Service) -> None:
    connection = await RawConnection.to(service)
    connection.ask("/health/live", **{f"X-{number}": "x" * 1_000 for number in range(50)})
    assert (await connection.answer()).status == 200
    connection.close()
