"""Open streams while Redis is gone, silent, or back; and readers who do not read."""

import asyncio
import re
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

from app.core.redis import ChangeChannel, open_redis
from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from tests.events import events
from tests.proxy import proxy_to
from tests.service import Service, running_service
from tests.shop import Shop
from tests.until import until

_ROUNDS: Final = 16
_SCANS: Final = 60


async def scan(shop: Shop, code: str) -> None:
    """One more step."""
    update = await shop.update(code, "shipped", description=f"scan {time.time_ns()}")
    await shop.decided(update.json["id"], timeout=20)


async def test_streams_go_on_without_redis_and_hear_it_again_when_it_is_back(
    own_service: Service, own_valkey: Server, customer: Shop, tmp_path: Path
) -> None:
    own_service.start_worker()
    code = (await customer.create_posting())["tracking_code"]
    async with events(own_service.url, code) as stream:
        assert (await stream.event())["id"] == "1"
        own_valkey.kill()
        await scan(customer, code)
        assert (await stream.event())["id"] == "2"
        with start_valkey(tmp_path / "valkey", port=own_valkey.port, durable=False):

            async def heard() -> bool:
                return "announcements are heard again" in own_service.log

            await until("announcements are heard again", heard)
            await scan(customer, code)
            assert (await stream.event())["id"] == "3"
            own_service.stop()
    assert own_service.log.count("announcements are not heard") == 1


async def test_a_redis_that_has_fallen_silent_is_noticed(database_url: str, valkey: Server, tmp_path: Path) -> None:
    async with (
        proxy_to(valkey.url) as network,
        running_service(tmp_path, database_url=database_url, redis_url=network.url) as service,
        Shop(service.url) as shop,
    ):
        await shop.register()
        code = (await shop.create_posting())["tracking_code"]
        async with events(service.url, code) as stream:
            assert (await stream.event())["id"] == "1"
            network.fall_silent()

            async def noticed() -> bool:
                return "announcements are not heard" in service.log

            await until("the silence is noticed", noticed, timeout=15)
            await scan(shop, code)
            assert (await stream.event())["id"] == "2"
        network.heal()


async def test_any_number_of_streams_share_one_subscription(
    own_service: Service, own_valkey: Server, customer: Shop
) -> None:
    code = (await customer.create_posting())["tracking_code"]
    async with AsyncExitStack() as opened, open_redis(own_valkey.url, timeout_seconds=3) as redis:
        for _ in range(20):
            stream = await opened.enter_async_context(events(own_service.url, code))
            await stream.event()
        assert await redis.pubsub_numsub(ChangeChannel.key) == [(ChangeChannel.key.encode(), 1)]


async def test_what_else_is_said_on_the_channel_disturbs_nobody(
    own_service: Service, own_valkey: Server, customer: Shop
) -> None:
    own_service.start_worker()
    code = (await customer.create_posting())["tracking_code"]
    async with events(own_service.url, code) as stream, open_redis(own_valkey.url, timeout_seconds=3) as redis:
        await stream.event()
        for words in ("", " ", "x", "-1 1.5 nan", "9" * 30, "\xff"):
            await redis.publish(ChangeChannel.key, words)
        await scan(customer, code)
        assert (await stream.event())["id"] == "2"


class SlowReader:
    """Opens a stream over a narrow connection, and reads nothing until it is told to."""

    def __init__(self, service: Service, code: str) -> None:
        host, _, port = service.url.removeprefix("http://").partition(":")
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect((host, int(port)))
        self._socket.sendall(f"GET /api/v1/tracking/{code}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ids_until(self, last: int) -> list[int]:
        """The ids of the events, read until this one has come."""
        self._socket.settimeout(10)
        mark = b"\nid: %d\n" % last
        received = bytearray()
        looked_at = 0
        while received.find(mark, looked_at) < 0:
            looked_at = max(0, len(received) - len(mark))
            part = self._socket.recv(1 << 16)
            assert part, "the stream ended"
            received += part
        return [int(number) for number in re.findall(rb"\nid: ([0-9]+)\n", received)]


async def many_scans(shop: Shop, code: str) -> int:
    """Changes, of which each makes the next event larger by 120 KB; the number of the last step."""
    for number in range(_ROUNDS):
        scans = [
            {"tracking_code": code, "status": "shipped", "description": f"{number}.{each} {'📦' * 480}"}
            for each in range(_SCANS)
        ]
        answer = await shop.send("POST", "/status-updates", {"updates": scans})
        await shop.decided(answer.json["updates"][-1]["status_update"]["id"])
    return 1 + _ROUNDS * _SCANS


async def test_who_reads_slowly_misses_what_lay_between(own_service: Service, customer: Shop) -> None:
    own_service.start_worker()
    code = (await customer.create_posting())["tracking_code"]
    with SlowReader(own_service, code) as reader:
        last = await many_scans(customer, code)
        ids = await asyncio.to_thread(reader.ids_until, last)
    assert ids == sorted(set(ids))
    assert len(ids) < 1 + _ROUNDS


async def test_nobody_waits_at_the_end_for_a_reader_who_reads_nothing(own_service: Service, customer: Shop) -> None:
    own_service.start_worker()
    code = (await customer.create_posting())["tracking_code"]
    with SlowReader(own_service, code):
        await many_scans(customer, code)
        began = time.monotonic()
        await asyncio.to_thread(own_service.stop)
        assert time.monotonic() - began < 4
