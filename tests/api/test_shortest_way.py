"""The shortest way answers what the others answer, is taken only where all is in order, and loses no request on a connection."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import asyncpg
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.api.admission import Admission, AdmissionMiddleware
from app.api.backpressure import Backpressure
from app.api.connections import Connections
from app.api.cross_origin import CrossOriginTracking
from app.api.security_headers import server_headers
from app.api.short_way import ShortWay
from app.api.shortest_way import ShortestWay
from app.api.shortest_way_protocol import ShortestWayProtocol
from app.embedded.server import Server
from app.main import BODY_LIMITS
from tests.api.asgi import make_app
from tests.api.raw import RawConnection
from tests.api.test_short_way import bodies
from tests.service import Service
from tests.shop import POSTING, Answer, Shop
from tests.until import until

MOST: Final = 8
IDLE_SECONDS: Final = 0.3
SCAN: Final = b'{"status":"shipped","city":"Cajamar","uf":"SP"}'
VARYING: Final = {"Date", "X-Request-Id", "Ratelimit"}


def token_of(shop: Shop) -> str:
    return shop.headers["Authorization"].removeprefix("Bearer ")


@dataclass
class Counted:
    """A server of this process on the same database, which counts what reaches its application."""

    url: str
    admission: Admission
    closing: asyncio.Event
    requests: int = 0


@pytest.fixture
async def server(service: Service, valkey: Server) -> AsyncIterator[Counted]:
    app = make_app(service.environment["DATABASE_URL"], valkey)
    admission = Admission(name="test", most=MOST, share_of_one=1, told="requests are turned away")
    closing = asyncio.Event()
    counted = Counted("", admission, closing)
    short_way = ShortWay(app, BODY_LIMITS)
    inner = CrossOriginTracking(AdmissionMiddleware(short_way, admission))

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        counted.requests += scope["type"] == "http"
        await inner(scope, receive, send)

    config = uvicorn.Config(
        counting,
        http=partial(  # type: ignore[arg-type]
            ShortestWayProtocol,
            shortest_way=ShortestWay(app, short_way.routes, BODY_LIMITS),
            admission=admission,
            backpressure=Backpressure(admission, closing),
            connections=Connections(most=100, share_of_one=1, patience_seconds=600),
            closing=closing,
        ),
        lifespan="off",
        server_header=False,
        headers=server_headers("http://localhost"),
        timeout_graceful_shutdown=5,
        timeout_keep_alive=IDLE_SECONDS,  # type: ignore[arg-type] # its clock takes parts of a second too
        log_config=None,
    )
    async with AsyncExitStack() as running:
        await running.enter_async_context(app.router.lifespan_context(app))
        listening = running.enter_context(socket.create_server(("127.0.0.1", 0)))
        uvicorn_server = uvicorn.Server(config)
        serving = asyncio.create_task(uvicorn_server._serve([listening]))

        async def started() -> bool:
            return uvicorn_server.started

        await until("the server has started", started)
        counted.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield counted
        uvicorn_server.should_exit = True
        await serving


@asynccontextmanager
async def connected(server: Counted | Service) -> AsyncIterator[RawConnection]:
    connection = await RawConnection.to(server)  # type: ignore[arg-type] # of a service only its address is asked
    yield connection
    connection.close()


@pytest.fixture
async def connection(server: Counted) -> AsyncIterator[RawConnection]:
    async with connected(server) as opened:
        yield opened


async def in_parts(connection: RawConnection, *request: Any, **headers: Any) -> None:
    """The same request in two pieces, which is for the server's parser."""
    pieces: list[bytes] = []
    writer, connection.writer = connection.writer, _Collecting(pieces)  # type: ignore[assignment]
    connection.write(*request, **headers)
    connection.writer = writer
    (whole,) = pieces
    writer.write(whole[:10])
    await writer.drain()
    await asyncio.sleep(0.005)
    writer.write(whole[10:])


class _Collecting:
    def __init__(self, pieces: list[bytes]) -> None:
        self.write = pieces.append


def same(answer: Answer) -> tuple[int, dict[str, str], Any]:
    """What does not differ from one answer to the next: with the same key an update is the same, and may have been decided meanwhile."""
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    if answer.status != 202:
        return answer.status, headers, answer.body
    del headers["Content-Length"]
    return 202, headers, {**answer.json, "state": "", "decided_at": ""}


async def test_it_answers_as_the_others_do(server: Counted, connection: RawConnection, shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    token, unknown, mistyped = token_of(shop), "EE876543216CA", "RR123456789CN"
    kinds = {
        ("PATCH", f"/api/v1/postings/{code}/status"): bodies({"status": "shipped", "city": "Cajamar", "uf": "SP"}),
        ("PATCH", f"/api/v1/postings/{unknown}/status"): [SCAN],
        ("PATCH", f"/api/v1/postings/{mistyped}/status"): [SCAN],
        ("PATCH", f"/api/v1/postings/{code}/status?a=1"): [SCAN],
        ("POST", "/api/v1/status-updates"): [
            json.dumps({"updates": [{"tracking_code": unknown, "status": "x"}]}).encode()
        ],
        ("POST", "/api/v1/postings/batch"): [json.dumps({"postings": [{**POSTING, "weight_g": 0}]}).encode()],
    }
    for place in ("postings", "tracking"):
        for written in (code, code.lower(), unknown, mistyped, "batch", "x", f"{code}?a=1", f"{code}/status", "%5A"):
            kinds["GET", f"/api/v1/{place}/{written}"] = [b""]
    ways: list[tuple[str, dict[str, str]]] = [
        (token, {}),
        (token, {"Accept-Language": "pt-BR"}),
        (token, {"Idempotency-Key": ""}),
        (token, {"Content-Encoding": "gzip"}),
        (token, {"Content-Type": "text/plain"}),
        (token, {"Origin": "https://www.loja.com.br", "Connection": "keep-alive"}),
        (f"{token[:-2]}xx", {}),
        ("", {}),
    ]
    for (method, path), texts in kinds.items():
        for body in texts:
            if not body and method != "GET":
                continue  # written with its head alone, it would wait for nothing
            # What is wrong with the body is the same whatever the rest says.
            for number, (bearer, way) in enumerate(ways if body == texts[0] else ways[:2]):
                headers = {"Idempotency-Key": f"{path} {len(body)} {number}", **way}
                connection.write(method, path, bearer, body, **headers)
                first = await connection.answer()
                await in_parts(connection, method, path, bearer, body, **headers)
                second = await connection.answer()
                assert same(first) == same(second), (method, path, body, way)
                assert len(first.headers["X-Request-Id"]) == 32
    assert server.admission.room == MOST


async def test_it_is_taken_by_what_is_in_order_and_by_nothing_else(
    server: Counted, connection: RawConnection, shop: Shop
) -> None:
    code = (await shop.create_posting())["tracking_code"]
    token = token_of(shop)

    async def is_taken(method: str, path: str, bearer: str = "", body: bytes = b"", **headers: str) -> bool:
        before = server.requests
        connection.write(method, path, bearer, body, **headers)
        await connection.answer()
        return server.requests == before

    track, read, change = f"/api/v1/tracking/{code}", f"/api/v1/postings/{code}", f"/api/v1/postings/{code}/status"
    assert await is_taken("GET", track)
    assert not await is_taken("GET", read, token)  # nobody has looked at this token before
    assert await is_taken("GET", read, token)
    assert await is_taken("GET", track, token)
    assert await is_taken("PATCH", change, token, SCAN)
    assert await is_taken("PATCH", change, token, SCAN, **{"Idempotency-Key": "one", "X-Request-ID": "mine"})
    assert await is_taken("PATCH", change, token, SCAN, **{"Content-Type": "Application/JSON; charset=utf-8"})
    update = json.dumps({"updates": [{"tracking_code": code, **json.loads(SCAN)}]}).encode()
    assert await is_taken("POST", "/api/v1/status-updates", token, update)
    assert await is_taken("POST", "/api/v1/postings/batch", token, json.dumps({"postings": [POSTING]}).encode())
    assert not await is_taken("PATCH", change, token, b'{"status":"gone"}')
    assert not await is_taken("PATCH", change, token, SCAN, **{"Content-Type": "text/plain"})
    assert not await is_taken("PATCH", change, "", SCAN)
    assert not await is_taken("GET", read)
    assert not await is_taken("GET", f"{read}?a=1", token)
    assert not await is_taken("GET", f"{read}/history", token)
    assert not await is_taken("GET", "/health/ready")
    server.closing.set()
    assert not await is_taken("GET", read, token)


async def test_what_fails_is_told_by_the_application_and_counted_once(service: Service, shop: Shop) -> None:
    """Under its own id; and whoever has failed is no longer among those who are answered."""
    token = token_of(shop)
    async with connected(service) as connection:
        for number in range(20):
            connection.ask("/api/v1/postings/EE876543216CA", token, **{"X-Request-ID": f"mine-{number}"})
            answer = await connection.answer()
            assert (answer.status, answer.json["code"]) == (404, "posting_not_found")
            assert answer.headers["X-Request-Id"] == f"mine-{number}"


async def test_what_comes_before_the_answer_waits_for_it(
    connection: RawConnection, server: Counted, shop: Shop
) -> None:
    codes = [(await shop.create_posting())["tracking_code"] for _ in range(4)]
    token = token_of(shop)
    connection.ask(f"/api/v1/postings/{codes[0]}", token)
    await connection.answer()
    for _ in range(10):
        for code in codes:
            connection.ask(f"/api/v1/postings/{code}", token)
            await asyncio.sleep(0)
            connection.ask("/api/v1/postings/EE876543216CA", token)
            connection.write("PATCH", f"/api/v1/postings/{code}/status", token, SCAN)
        for code in codes:
            assert (await connection.answer()).json["tracking_code"] == code
            assert (await connection.answer()).status == 404
            assert (await connection.answer()).json["tracking_code"] == code
    assert server.admission.room == MOST


async def test_whoever_goes_away_before_the_answer_leaves_a_place(server: Counted, shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    token = token_of(shop)
    async with connected(server) as connection:
        connection.ask(f"/api/v1/postings/{code}", token)
        await connection.answer()
    gone = [await RawConnection.to(server) for _ in range(MOST)]  # type: ignore[arg-type]
    for number, connection in enumerate(gone):
        path = f"/api/v1/postings/{code if number % 2 else 'EE876543216CA'}"
        connection.ask(path, token)
        await connection.writer.drain()
        connection.writer.transport.abort()

    async def there_is_room() -> bool:
        return server.admission.room == MOST

    await until("everybody has left", there_is_room)
    assert (await shop.send("GET", f"/postings/{code}")).status == 200


async def test_an_idle_connection_is_closed_and_one_that_is_used_is_not(server: Counted, shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    async with connected(server) as connection:
        for _ in range(6):
            connection.ask(f"/api/v1/tracking/{code}")
            assert (await connection.answer()).status == 200
            await asyncio.sleep(IDLE_SECONDS / 2)
        assert await connection.closed() == b""


async def test_one_that_waits_for_its_answer_is_not_idle(service: Service, server: Counted, shop: Shop) -> None:
    """The clock of an idle connection runs down more than once before the answer comes."""
    code = (await shop.create_posting())["tracking_code"]
    locker = await asyncpg.connect(service.environment["DATABASE_URL"])
    async with connected(server) as connection:
        connection.ask(f"/api/v1/tracking/{code}")
        assert (await connection.answer()).status == 200
        await locker.execute("BEGIN; LOCK TABLE status_history IN ACCESS EXCLUSIVE MODE")
        connection.ask(f"/api/v1/tracking/{code}")
        await asyncio.sleep(4 * IDLE_SECONDS)
        await locker.close()
        assert (await connection.answer()).status == 200
