"""A process that is told to stop drops nobody: neither behind a load balancer that looks after health, nor alone."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from app.embedded.folder import free_port
from app.embedded.server import Server
from tests.core.outside import stop_listening
from tests.service import Process, Service, running_service
from tests.shop import Shop
from tests.until import until

DRAIN_SECONDS: Final = 0.6
_LOOK_SECONDS: Final = 0.1
_CHUNK: Final = 65536
_STEPS: Final = 200  # of one posting, whose history takes 1 000


class Balancer:
    """Gives each new connection to the next process that is ready; an open one stays where it is."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self.ready: list[int] = []
        self._turn = 0
        self.url = ""

    async def watch(self) -> None:
        """Ask all of them for their health, again and again."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), timeout=aiohttp.ClientTimeout(total=2)
        ) as session:
            while True:
                answers = await asyncio.gather(*(self._is_ready(session, port) for port in self._ports))
                self.ready = [port for port, ready in zip(self._ports, answers, strict=True) if ready]
                await asyncio.sleep(_LOOK_SECONDS)

    async def _is_ready(self, session: aiohttp.ClientSession, port: int) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{port}/health/ready") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._turn += 1
        port = self.ready[self._turn % len(self.ready)]
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(OSError):
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()
    sink.close()


@asynccontextmanager
async def balancing(ports: Sequence[int]) -> AsyncIterator[Balancer]:
    """Yield a balancer that has seen all of them ready."""
    balancer = Balancer(ports)
    watching = asyncio.create_task(balancer.watch())
    server = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield balancer
    finally:
        await stop_listening(server)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


class Apis:
    """API processes on one database, each on a port of its own."""

    def __init__(self, environment: dict[str, str], folder: Path, count: int) -> None:
        self._environment = environment
        self._folder = folder
        self.ports = [free_port() for _ in range(count)]
        self.processes = [self._start(port) for port in self.ports]

    def _start(self, port: int) -> Process:
        return Process("app.main", {**self._environment, "PORT": str(port)}, self._folder / f"api-{port}.log")

    async def restart(self, number: int) -> None:
        assert await asyncio.to_thread(self.processes[number].stop) == 0, self.processes[number].log
        self.processes[number] = self._start(self.ports[number])

    async def stop(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(process.stop) for process in self.processes))


@asynccontextmanager
async def running_apis(environment: dict[str, str], folder: Path, count: int) -> AsyncIterator[Apis]:
    """Processes that have ended when the test has, however it ended."""
    apis = Apis(environment, folder, count)
    try:
        yield apis
    finally:
        await apis.stop()


@pytest.fixture
async def service_without_api(database_url: str, valkey: Server, tmp_path: Path) -> AsyncIterator[Service]:
    """The service whose API is used to prepare things, while others are restarted."""
    async with running_service(tmp_path, database_url=database_url, redis_url=valkey.url) as running:
        yield running


async def keep_asking(shop: Shop, done: asyncio.Event) -> list[str]:
    """Postings, updates and reads, one after the other on a connection that stays open; each is answered as if nothing happened."""
    ids: list[str] = []
    code = ""
    while not done.is_set():
        if len(ids) % _STEPS == 0:
            code = (await shop.create_posting())["tracking_code"]
        answer = await shop.update(code, "shipped", description=str(len(ids)))
        assert answer.status == 202, answer.body
        ids.append(answer.json["id"])
        assert (await shop.send("GET", f"/postings/{code}")).status == 200
    return ids


async def test_restarts_one_after_the_other_fail_no_request(service_without_api: Service, tmp_path: Path) -> None:
    environment = {**service_without_api.environment, "API_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    async with (
        running_apis(environment, tmp_path, 2) as apis,
        balancing(apis.ports) as balancer,
        Shop(service_without_api.url) as shop,
    ):

        async def both_ready() -> bool:
            return len(balancer.ready) == 2

        await until("both are ready", both_ready, timeout=30)
        await shop.register()
        shop.url = balancer.url
        done = asyncio.Event()
        asking = [asyncio.create_task(keep_asking(shop, done)) for _ in range(6)]
        for turn in range(4):
            await apis.restart(turn % 2)
            await until("both are ready", both_ready, timeout=30)
        done.set()
        ids = [update_id for asked in await asyncio.gather(*asking) for update_id in asked]
        assert len(ids) > 20
        for update_id in ids[-6:]:
            decided = await shop.decided(update_id)
            assert decided["state"] == "applied", decided


async def test_a_process_told_to_stop_answers_what_it_has_begun_and_what_comes_on_open_connections(
    service_without_api: Service, tmp_path: Path
) -> None:
    environment = {**service_without_api.environment, "API_DRAIN_SECONDS": "1"}
    async with (
        running_apis(environment, tmp_path, 1) as apis,
        balancing(apis.ports) as balancer,
        Shop(f"http://127.0.0.1:{apis.ports[0]}") as shop,
    ):

        async def ready() -> bool:
            return bool(balancer.ready)

        await until("it is ready", ready, timeout=30)
        await shop.register()
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", apis.ports[0])
        idle_writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"connection: close" not in await idle_reader.readuntil(b"\r\n\r\n")
        stopping = asyncio.create_task(apis.restart(0))

        async def not_ready() -> bool:
            return not balancer.ready

        await until("it says that it is not ready", not_ready)
        answer = await shop.send("GET", "//health/ready")
        assert (answer.status, answer.code) == (503, "shutting_down")
        assert answer.headers["Connection"] == "close"
        idle_writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        rest = await idle_reader.read()
        assert rest.count(b"HTTP/1.1 200 OK") == 1
        assert b"connection: close" in rest
        idle_writer.close()
        await stopping
        await until("it is ready again", ready, timeout=30)


async def test_a_second_signal_does_not_wait_for_the_drain(service_without_api: Service, tmp_path: Path) -> None:
    environment = {**service_without_api.environment, "API_DRAIN_SECONDS": "600"}
    async with running_apis(environment, tmp_path, 1) as apis, balancing(apis.ports) as balancer:

        async def ready() -> bool:
            return bool(balancer.ready)

        async def not_ready() -> bool:
            return not balancer.ready

        await until("it is ready", ready, timeout=30)
        apis.processes[0].send(signal.SIGTERM)
        await until("it says that it is not ready", not_ready)
        began = time.monotonic()
        assert await asyncio.to_thread(apis.processes[0].stop) == 0
        assert time.monotonic() - began < 10
