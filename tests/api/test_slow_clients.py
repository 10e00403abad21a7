"""Clients that send slowly, read slowly, do nothing or come in crowds: they are let go after a while, and keep nobody out until then."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from app.embedded.server import Server
from tests.api.raw import LONG_PATIENCE, RawConnection, under_way
from tests.databases import copied_database
from tests.service import Service, running_service
from tests.shop import Answer, Shop
from tests.until import until

MOST: Final = 4
CONNECTIONS: Final = 20
SHARE: Final = 0.5
FILES: Final = 4
LARGE_FILE: Final = "/static/swagger/swagger-ui-bundle.js"


@asynccontextmanager
async def serving(database_url: str, valkey: Server, folder: Path, *, patience: float) -> AsyncIterator[Service]:
    """A service with few places, and so much patience with its clients."""
    settings = {
        "MAX_CONCURRENT_REQUESTS": str(MOST),
        "MAX_SHARE_OF_ONE_CALLER": str(SHARE),
        "MAX_EVENT_STREAMS": str(CONNECTIONS - 4 * MOST),
        "TRUSTED_PROXIES": "127.0.0.1",
        "CLIENT_PATIENCE_SECONDS": str(patience),
        **LONG_PATIENCE,
    }
    async with running_service(
        folder, database_url=database_url, redis_url=valkey.url, workers=0, settings=settings
    ) as running:
        yield running


@pytest.fixture(scope="module")
async def impatient(
    migrated_url: str, valkey: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """Whoever is late is let go at once, and so tests share it."""
    folder = tmp_path_factory.mktemp("impatient")
    async with copied_database(migrated_url) as url, serving(url, valkey, folder, patience=1) as running:
        yield running


@pytest.fixture
async def patient(database_url: str, valkey: Server, tmp_path: Path) -> AsyncIterator[Service]:
    """Whoever is late stays, for as long as a test lasts."""
    async with serving(database_url, valkey, tmp_path, patience=600) as running:
        yield running


async def is_served(service: Service) -> None:
    """A client like any other is answered."""
    async with Shop(service.url) as shop:
        await shop.register()
        assert (await shop.send("GET", "/clients/me")).status == 200


class TestLate:
    async def test_who_connects_and_says_nothing_is_hung_up_on(self, impatient: Service) -> None:
        silent = await RawConnection.to(impatient)
        assert await silent.closed() == b""
        silent.close()

    async def test_half_a_head_is_a_request_that_timed_out(self, impatient: Service) -> None:
        slow = await RawConnection.to(impatient)
        slow.writer.write(b"GET /health/live HTTP/1.1\r\nAccept-Language: pt-BR\r\nX-Request-ID: slow-1\r\nX-More: ")
        answer = await slow.answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert answer.json["title"] == "Requisição demorada demais"
        assert (answer.headers["Connection"], answer.headers["X-Request-Id"]) == ("close", "slow-1")
        assert await slow.closed() == b""
        slow.close()

    async def test_a_body_that_comes_byte_by_byte_is_not_waited_for_either(self, impatient: Service) -> None:
        slow = await RawConnection.to(impatient)
        slow.begin("a", length=10_000)

        async def drip() -> None:
            while True:
                slow.writer.write(b" ")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        # What still drips on a closed connection resets it: only the beginning of the answer is sure to be read.
        assert (await slow.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 408 ")
        dripping.cancel()
        with suppress(asyncio.CancelledError):
            await dripping
        slow.close()

    async def test_a_connection_may_be_used_for_longer_than_one_request_may_take(self, impatient: Service) -> None:
        steady = await RawConnection.to(impatient)
        ends = asyncio.get_running_loop().time() + 2.5
        while asyncio.get_running_loop().time() < ends:
            # The end of one request comes with the beginning of the next, so that there is always one to wait for.
            steady.writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health/live HTTP/1.1\r\n")
            assert (await steady.answer()).status == 200
            steady.writer.write(b"Host: x\r\n\r\n")
            assert (await steady.answer()).status == 200
        steady.close()

    async def test_who_never_reads_an_answer_is_cut_off(self, impatient: Service) -> None:
        with never_reading(impatient) as stuck:
            stuck.sendall(large_answer("1") * FILES)

            async def cut_off() -> bool:
                return "slow reader" in impatient.log

            await until("the service has cut it off", cut_off)
        await is_served(impatient)
        assert "an error of ours" not in impatient.log

    async def test_who_reads_slowly_gets_all_of_it(self, impatient: Service) -> None:
        with never_reading(impatient, buffer=65_536) as slow:
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(slow, large_answer("1") * FILES + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            began, taken = loop.time(), bytearray()
            while part := await loop.sock_recv(slow, 131_072):
                taken += part
                await asyncio.sleep(0.05)
            assert loop.time() - began > 2
            assert taken.count(b"HTTP/1.1 200 OK") == FILES + 1
            assert taken.rstrip().endswith(b"</html>")


def never_reading(service: Service, *, buffer: int = 4096) -> socket.socket:
    """A client that takes hardly anything in before it is read from."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    opened.connect(("127.0.0.1", int(service.url.rpartition(":")[2])))
    return opened


def large_answer(token: str) -> bytes:
    """A request for a file of which the kernels of both sides keep one, but not two."""
    return f"GET {LARGE_FILE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


class TestOthers:
    async def test_half_sent_bodies_keep_nobody_out(self, patient: Service) -> None:
        slow = [await RawConnection.to(patient) for _ in range(3 * MOST)]
        for number, each in enumerate(slow):
            each.begin(f"made-up-{number}", Expect="100-continue")
            await each.asked_for_its_body()
        await is_served(patient)
        for each in slow:
            each.end()
            assert (await each.answer()).status in (401, 503)
            each.close()

    async def test_a_body_that_comes_when_there_is_no_room_is_turned_away(self, patient: Service) -> None:
        slow = await RawConnection.to(patient)
        slow.begin("c", Expect="100-continue")
        await slow.asked_for_its_body()
        async with under_way(patient, "a", "b"):
            slow.end()
            answer = await slow.answer()
            assert (answer.status, answer.code) == (503, "overloaded")
            assert int(answer.headers["Retry-After"]) > 0
        slow.begin("c")
        slow.end()
        assert (await slow.answer()).status == 401
        slow.close()

    async def test_a_body_that_has_grown_large_takes_a_place(self, patient: Service) -> None:
        large = 200_000
        slow = [await RawConnection.to(patient) for _ in range(MOST)]
        for number, each in enumerate(slow):
            each.begin(f"made-up-{number}", length=large, Expect="100-continue")
            await each.asked_for_its_body()
            each.writer.write(b" " * (large // 2))

        async def turned_away() -> bool:
            async with Shop(patient.url) as shop:
                return (await shop.send("GET", "/tracking/EE876543216CA")).status == 503

        await until("all places are taken", turned_away)
        for each in slow:
            each.close()
        await until("they are free again", lambda: served_again(patient))


async def served_again(service: Service) -> bool:
    """Whether somebody who asks is answered."""
    async with Shop(service.url) as shop:
        return (await shop.send("GET", "/tracking/EE876543216CA")).status == 404


class TestCrowds:
    async def test_one_address_has_no_more_than_its_share_of_connections(self, patient: Service) -> None:
        most_of_one = int(CONNECTIONS * SHARE)
        crowd = [await RawConnection.to(patient, local_address="127.0.0.2") for _ in range(most_of_one)]
        extra = await RawConnection.to(patient, local_address="127.0.0.2")
        answer = await extra.answer()
        assert (answer.status, answer.code, answer.headers["Connection"]) == (429, "quota_exceeded", "close")
        extra.close()
        await is_served(patient)
        crowd.pop().close()

        async def taken() -> bool:
            """Whoever is turned away is so without being read, which may reset the connection."""
            another = await RawConnection.to(patient, local_address="127.0.0.2")
            another.ask("/health/live")
            status = 0
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                status = (await another.answer()).status
            another.close()
            return status == 200

        await until("there is a place again", taken)
        for each in crowd:
            each.close()

    async def test_where_all_places_are_taken_whoever_says_nothing_gives_way(self, patient: Service) -> None:
        # This address may be a proxy's, who speaks for many: all places are open to it.
        silent = [await RawConnection.to(patient) for _ in range(CONNECTIONS)]
        await is_served(patient)
        assert await silent[0].closed() == b""
        silent[-1].ask("/health/live")
        assert (await silent[-1].answer()).status == 200
        for each in silent:
            each.close()

    async def test_where_nobody_is_waited_for_whoever_comes_is_turned_away(self, patient: Service) -> None:
        streams = CONNECTIONS - 4 * MOST
        async with Shop(patient.url) as shop:
            await shop.register()
            code = (await shop.create_posting())["tracking_code"]
        busy = [await RawConnection.to(patient) for _ in range(streams)]
        for number, each in enumerate(busy):
            each.ask(f"/api/v1/tracking/{code}/events", X_Forwarded_For=f"203.0.113.{number}")
            assert (await each.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

        async def turned_away() -> Answer | None:
            """Once all the others are idle, which they may be for 5 seconds: on a busy machine that may be over too soon."""
            idle = [await RawConnection.to(patient) for _ in range(CONNECTIONS - streams)]
            for each in idle:
                each.ask("/health/live")
            for each in idle:
                await each.answer()
            extra = await RawConnection.to(patient)
            answer = None
            with suppress(TimeoutError):
                answer = await extra.answer(within=1)
            for each in (*idle, extra):
                each.close()
            return answer

        answer = await until("all places are taken", turned_away, timeout=60)
        assert answer is not None
        assert (answer.code, answer.headers["Connection"]) == ("overloaded", "close")
        for each in busy:
            each.close()
