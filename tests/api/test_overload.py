"""More than can be done: what is turned away is told so at once, what is let in goes on as ever."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from app.embedded.server import Server
from tests.api.raw import LONG_PATIENCE, RawConnection, under_way
from tests.service import Service, running_service
from tests.shop import PASSWORD, Answer, Shop
from tests.until import until

MOST = 4
SHARE = 0.5


@pytest.fixture
async def small(database_url: str, valkey: Server, tmp_path: Path) -> AsyncIterator[Service]:
    """A service that has soon too much to do."""
    settings = {
        "MAX_CONCURRENT_REQUESTS": str(MOST),
        "MAX_SHARE_OF_ONE_CALLER": str(SHARE),
        "MAX_BACKLOG": "5",
        "CLIENT_PATIENCE_SECONDS": "60",
        **LONG_PATIENCE,
    }
    async with running_service(
        tmp_path, database_url=database_url, redis_url=valkey.url, workers=0, settings=settings
    ) as running:
        yield running


@pytest.mark.parametrize("token", ["a", ""])
async def test_one_caller_has_no_more_than_its_share_and_is_told_what_to_do(small: Service, token: str) -> None:
    extra = await RawConnection.to(small)
    async with under_way(small, token):
        extra.begin(token, X_Request_ID="abc-1", Accept_Language="pt-BR")
        extra.end()
        answer = await extra.answer()
        assert (answer.status, answer.code) == (429, "quota_exceeded")
        assert answer.json["violated-policies"] == ["concurrent-requests"]
        assert (
            answer.headers["Ratelimit-Policy"] == f'"concurrent-requests";q={MOST * SHARE:.0f};qu="concurrent-requests"'
        )
        assert answer.headers["Ratelimit"] == '"concurrent-requests";r=0'
        assert answer.headers["X-Request-Id"] == "abc-1"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json["title"] == "Cota esgotada"
        other = await RawConnection.to(small)
        other.begin("b")
        other.end()
        assert (await other.answer()).status == 401
        other.close()
    # The same connection, and there is room again.
    extra.begin(token)
    extra.end()
    answer = await extra.answer()
    assert (answer.status, answer.code) == (401, "not_authenticated")
    extra.close()


async def test_beyond_the_bound_everybody_is_turned_away_but_whoever_asks_for_its_health(small: Service) -> None:
    async with under_way(small, "a", "b"), Shop(small.url) as shop:
        for token in ("c", ""):
            connection = await RawConnection.to(small)
            connection.begin(token)
            connection.end()
            answer = await connection.answer()
            assert (answer.status, answer.code) == (503, "overloaded")
            assert len(answer.headers["X-Request-Id"]) == 32
            connection.close()
        assert (await shop.send("GET", "//health/live")).status == 200
        assert (await shop.send("GET", "//health/ready")).status == 200

    async def let_in() -> bool:
        async with Shop(small.url) as again:
            return (await again.send("GET", "/tracking/EE876543216CA")).status == 404

    await until("those under way are gone", let_in)
    assert small.log.count("requests are turned away") <= 4


async def test_the_body_of_a_request_that_was_turned_away_is_not_taken_for_the_next(small: Service) -> None:
    async with under_way(small, "a"):
        connection = await RawConnection.to(small)
        for expected in (429, 429):
            connection.begin("a", length=300_000)
            assert (await connection.answer()).status == expected
            connection.end(300_000)
        connection.begin("b")
        connection.end()
        assert (await connection.answer()).status == 401
        connection.close()


async def test_a_body_that_waits_to_be_asked_for_ends_the_connection(small: Service) -> None:
    async with under_way(small, "a"):
        connection = await RawConnection.to(small)
        connection.begin("a", Expect="100-continue")
        answer = await connection.answer()
        assert (answer.status, answer.headers["Connection"]) == (429, "close")
        connection.close()


async def test_a_client_that_reads_none_of_its_answers_is_not_read_either(small: Service) -> None:
    async with under_way(small, "a", "b"):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(small.url.rpartition(":")[2]))
        request = b"GET /api/v1/postings HTTP/1.1\r\nAuthorization: Bearer c\r\nX-Fill: " + b"x" * 1_500 + b"\r\n\r\n"
        sent = 0
        with suppress(TimeoutError):
            while sent < 100_000:
                writer.write(request * 100)
                sent += 100
                await asyncio.wait_for(writer.drain(), 1)
        assert sent < 100_000
        for _ in range(sent):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert head.startswith(b"HTTP/1.1 503 ")
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
            await reader.readexactly(int(length[16:]))
        writer.close()


async def test_whoever_asks_again_at_once_is_heard_when_its_turn_comes_and_let_in_when_there_is_room(
    small: Service,
) -> None:
    patience, at_once = 0.5, 100
    async with AsyncExitStack() as busy:
        await busy.enter_async_context(under_way(small, "a", "b"))
        impatient = [await RawConnection.to(small) for _ in range(at_once)]
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def ask(connection: RawConnection, *, until_status: int) -> int:
            asked = 0
            while True:
                connection.begin("c")
                connection.end()
                asked += 1
                if (await connection.answer()).status == until_status or loop.time() > began + patience:
                    return asked

        refusals = sum(await asyncio.gather(*(ask(each, until_status=401) for each in impatient)))
        # The first of each is answered at once, and after that, while nobody is let in, two a second.
        assert refusals <= at_once * (1 + 2 * (loop.time() - began))
        patience = 60
        asking = asyncio.gather(*(ask(each, until_status=401) for each in impatient))
        await busy.aclose()
        await asyncio.wait_for(asking, 30)
        for each in impatient:
            each.close()


async def test_a_full_backlog_takes_no_more_updates_until_the_workers_catch_up(small: Service) -> None:
    async with Shop(small.url) as shop:
        await shop.register()
        code = (await shop.create_posting())["tracking_code"]

        async def full() -> Answer | None:
            answer = await shop.update(code, "shipped", description="a scan")
            return answer if answer.status == 503 else None

        answer = await until("the backlog is full", full)
        assert answer is not None
        assert answer.code == "backlog_full"
        assert int(answer.headers["Retry-After"]) > 0
        many = await shop.send("POST", "/status-updates", {"updates": [{"tracking_code": code, "status": "shipped"}]})
        assert many.code == "backlog_full"
        assert (await shop.send("GET", f"/postings/{code}")).status == 200
        small.start_worker()

        async def taken() -> bool:
            return (await shop.update(code, "shipped", description="a scan")).status == 202

        await until("the workers have caught up", taken)


async def test_a_flood_of_logins_is_turned_away_in_part_and_stops_nobody_else(
    database_url: str, valkey: Server, tmp_path: Path
) -> None:
    async with (
        running_service(
            tmp_path,
            database_url=database_url,
            redis_url=valkey.url,
            workers=0,
            settings={"ARGON2_THREADS": "1", "MAX_SHARE_OF_ONE_CALLER": "1"},
        ) as service,
        Shop(service.url) as shop,
    ):
        await shop.register()
        form = {"grant_type": "password", "username": shop.email, "password": PASSWORD}
        flood = asyncio.gather(*(shop.send("POST", "/auth/token", data=form) for _ in range(90)))
        async with Shop(service.url) as other:
            assert (await other.send("GET", "/tracking/EE876543216CA")).status == 404
        answers = await flood
        assert {answer.status for answer in answers} == {200, 503}
        assert {answer.code for answer in answers if answer.status == 503} == {"overloaded"}


async def test_every_operation_declares_that_it_may_be_turned_away(anonymous: Shop) -> None:
    document = json.loads((await anonymous.send("GET", "//openapi.json")).body)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert {"429", "503"} <= operation["responses"].keys(), path
            turned_away = operation["responses"]["429"]
            assert {"RateLimit-Policy", "RateLimit", "Retry-After"} <= turned_away["headers"].keys()
            assert list(turned_away["content"]["application/problem+json"]["examples"]) == ["quota_exceeded"]
            told = operation["responses"]["503"]["content"]["application/problem+json"]["examples"]
            assert {"overloaded", "service_unavailable"} <= told.keys()
            # What only reads has no outcome that could be unknown.
            assert ("outcome_unknown" in told) == (method != "get")
