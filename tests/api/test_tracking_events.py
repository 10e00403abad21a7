"""Tracking as a stream: what a reader is told, when it ends, and that it is taken up where it was left."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from app.embedded.server import Server
from tests.events import events
from tests.service import Service, running_service
from tests.shop import Shop
from tests.until import until


async def shipped(shop: Shop, code: str, **step: Any) -> None:
    """One more step."""
    assert (await shop.decided((await shop.update(code, "shipped", **step)).json["id"]))["state"] == "applied"


async def test_a_stream_tells_where_the_parcel_is_and_every_change(shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    async with events(shop.url, code) as stream:
        assert (stream.status, stream.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert stream.headers["Cache-Control"] == "no-store"
        first = await stream.event()
        assert (first["event"], first["id"]) == ("tracking", "1")
        assert first["data"].encode() == (await shop.send("GET", f"/tracking/{code}")).body
        await shipped(shop, code, city="Cajamar", uf="SP")
        second = await stream.event()
        assert second["id"] == "2"
        assert second["data"].encode() == (await shop.send("GET", f"/tracking/{code}")).body


async def test_a_step_that_was_late_is_told_too(shop: Shop) -> None:
    code = (await shop.create_posting(posted_at="2026-03-01T10:00:00Z"))["tracking_code"]
    await shipped(shop, code, city="Cajamar", uf="SP", occurred_at="2026-03-05T10:00:00Z")
    async with events(shop.url, code, Last_Event_ID=2) as stream:
        await shipped(shop, code, city="Campinas", uf="SP", occurred_at="2026-03-03T10:00:00Z")
        told = await stream.event()
        assert told["id"] == "3"
        assert '"city":"Campinas"' in told["data"]
        assert told["data"].index("Campinas") < told["data"].index("Cajamar")


async def test_a_stream_is_taken_up_after_the_last_event_that_arrived(shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    await shipped(shop, code)
    async with events(shop.url, code, Last_Event_ID=1) as missed, events(shop.url, code, Last_Event_ID=2) as knows:
        assert (await missed.event())["id"] == "2"
        await shipped(shop, code, description="a scan")
        assert [(await stream.event())["id"] for stream in (missed, knows)] == ["3", "3"]
    async with events(shop.url, code, Last_Event_ID=77) as stranger:
        assert (await stranger.event())["id"] == "3"


async def test_the_stream_of_a_finished_parcel_ends_and_tells_a_browser_not_to_come_back(shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    async with events(shop.url, code, Last_Event_ID=1) as stream:
        await shop.decided((await shop.update(code, "delivered")).json["id"])
        assert await stream.rest() == ["tracking", "finished"]
    async with events(shop.url, code) as stream:
        assert await stream.rest() == ["tracking", "finished"]
    async with events(shop.url, code, Last_Event_ID=2) as stream:
        assert (stream.status, await stream.rest()) == (204, [])


@pytest.mark.parametrize("code", ["EE876543216CA", "ee 876 543 216 ca", "EE876543217CA", "x"])
async def test_a_code_without_a_parcel_is_answered_as_without_a_stream(anonymous: Shop, code: str) -> None:
    plain = await anonymous.send("GET", f"/tracking/{code}")
    async with events(anonymous.url, code) as stream:
        answer = await stream.refusal()
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (
        plain.status,
        "application/problem+json",
        plain.body,
    )
    assert plain.status in (404, 422)


@pytest.fixture
async def small(database_url: str, valkey: Server, tmp_path: Path) -> AsyncIterator[Service]:
    """A service for four streams, two of them of one caller, and two requests, with one connection; its heart beats fast."""
    settings = {
        "MAX_EVENT_STREAMS": "4",
        # Everybody comes from here: their connections are not to be bounded as those of one.
        "TRUSTED_PROXIES": "127.0.0.1",
        "MAX_SHARE_OF_ONE_CALLER": "0.5",
        "MAX_CONCURRENT_REQUESTS": "2",
        "DATABASE_POOL_SIZE": "1",
        "EVENT_HEARTBEAT_SECONDS": "0.2",
    }
    async with running_service(tmp_path, database_url=database_url, redis_url=valkey.url, settings=settings) as running:
        yield running


@pytest.fixture
async def customer(small: Service) -> AsyncIterator[Shop]:
    async with Shop(small.url) as shop:
        await shop.register()
        yield shop


async def test_a_stream_without_news_says_that_it_is_alive(small: Service, customer: Shop) -> None:
    code = (await customer.create_posting())["tracking_code"]
    async with events(small.url, code, Last_Event_ID=1) as stream:
        first = await stream.block()
        assert first is not None
        assert 1_000 <= int(first["retry"]) <= 5_000
        beats = [await stream.block() for _ in range(3)]
        assert [beat and beat[""] for beat in beats] == ["ping"] * 3


async def test_streams_are_bounded_and_keep_nobody_else_from_anything(small: Service, customer: Shop) -> None:
    code = (await customer.create_posting())["tracking_code"]
    async with AsyncExitStack() as opened:

        async def open_stream(host: int) -> int:
            # Who makes up a credential each time is nobody new by that.
            claimed = {"Authorization": f"Bearer {uuid.uuid4()}", "X-Forwarded-For": f"203.0.113.{host}"}
            stream = await opened.enter_async_context(events(small.url, code, **claimed))
            if stream.status == 200:
                await stream.event()
                return 200
            answer = await stream.refusal()
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.code in ("quota_exceeded", "overloaded")
            return answer.status

        assert [await open_stream(host) for host in (1, 1, 1, 2, 2, 2, 3)] == [200, 200, 429, 200, 200, 429, 503]
        # Four streams are open where two requests may be under way, and one connection is there for all.
        assert (await customer.send("GET", f"/tracking/{code}")).status == 200
        await shipped(customer, code)

    async def there_is_room_again() -> bool:
        async with events(small.url, code) as stream:
            return stream.status == 200

    await until("there is room again", there_is_room_again)
    assert small.log.count("streams are turned away") <= 4


async def test_a_stream_ends_at_once_when_the_process_is_told_to_stop(small: Service, customer: Shop) -> None:
    code = (await customer.create_posting())["tracking_code"]
    async with events(small.url, code) as first, events(small.url, code) as second:
        for stream in (first, second):
            await stream.event()
        began = time.monotonic()
        await asyncio.to_thread(small.stop)
        assert time.monotonic() - began < 3
        assert [await stream.rest() for stream in (first, second)] == [[], []]
    assert "Traceback" not in small.log
