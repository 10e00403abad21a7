"""A careful client repeats what was not answered, and stops in time."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from app.replay.api_client import ApiClient, seconds_to_wait
from app.replay.errors import ApiGoneError, NoAnswerError, ReplayError
from app.replay.lanes import for_each


def seeded(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secrets here


class Peer:
    """A server that gives the answers it was told to, then 200 for ever; 0 means it cuts the connection."""

    def __init__(self, *statuses: int, retry_after: str = "0") -> None:
        self.statuses = list(statuses)
        self.retry_after = retry_after
        self.keys: list[str | None] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Idempotency-Key"))
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0 and request.transport is not None:
            request.transport.abort()
        return web.json_response({}, status=status or 200, headers={"Retry-After": self.retry_after})

    @asynccontextmanager
    async def client(self, patience: float = 5.0) -> AsyncIterator[ApiClient]:
        """A client of this server, while both live."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        async with (
            TestServer(app) as server,
            ApiClient(str(server.make_url("")), seeded(), patience=patience) as api,
        ):
            yield api


@pytest.mark.parametrize("status", [429, 500, 503, 0])
async def test_a_request_without_a_useful_answer_is_repeated_with_the_same_key(status: int) -> None:
    peer = Peer(status, status)
    async with peer.client() as api:
        answer = await api.call("PATCH", "/x", headers={"Idempotency-Key": "k"}, json={})
    assert answer.status == 200
    assert peer.keys == ["k"] * 3
    assert api.repetitions == 2


@pytest.mark.parametrize("status", [201, 301, 401, 404, 409, 422])
async def test_an_answer_that_would_be_the_same_again_is_not_asked_for_again(status: int) -> None:
    peer = Peer(status)
    async with peer.client() as api:
        assert (await api.call("GET", "/x")).status == status
    assert api.repetitions == 0


async def test_an_api_that_answers_nobody_is_gone_once_patience_is_over() -> None:
    peer = Peer(*[503] * 100)
    async with peer.client(patience=0.4) as api:
        with pytest.raises(ApiGoneError, match="GET /api/v1/x: 503"):
            await api.call("GET", "/x")


async def test_a_wait_longer_than_patience_gives_up_this_request_and_not_the_api() -> None:
    peer = Peer(429, retry_after="3600")
    async with peer.client(patience=30) as api:
        with pytest.raises(NoAnswerError, match="GET /api/v1/x: 429"):
            await api.call("GET", "/x")
        assert (await api.call("GET", "/x")).status == 200


async def test_where_nothing_listens_one_sentence_says_how_to_start_it() -> None:
    async with ApiClient(f"http://127.0.0.1:{unused_port()}", seeded()) as api:
        with pytest.raises(ReplayError, match=r"Nothing answers at http://127.0.0.1:\d+: start it with `make up`\."):
            await api.require_alive()


async def test_something_else_at_the_address_is_told_apart_from_nothing() -> None:
    async with Peer(404).client() as api:
        with pytest.raises(ReplayError, match="is no living Postagens API"):
            await api.require_alive()


@pytest.mark.parametrize(("text", "seconds"), [("7", 7), ("", 0), ("soon", 0), ("-1", 0), ("²", 0)])
def test_retry_after_is_read_as_seconds_and_nonsense_as_no_wait(text: str, seconds: float) -> None:
    assert seconds_to_wait({"Retry-After": text}) == seconds


def test_retry_after_is_read_as_a_date_too() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    assert 55 < seconds_to_wait({"Retry-After": in_a_minute}) <= 60


async def test_no_more_than_the_lanes_are_under_way_and_all_of_it_is_done() -> None:
    under_way, most, done = 0, 0, set[int]()

    async def work(item: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        done.add(item)

    await for_each(range(50), 4, work)
    assert most == 4
    assert done == set(range(50))


async def test_the_first_failure_stops_the_lanes_and_is_raised_as_it_is() -> None:
    async def work(item: int) -> None:
        await asyncio.sleep(0)
        if item == 3:
            raise ApiGoneError("gone")

    with pytest.raises(ApiGoneError, match="gone"):
        await for_each(range(50), 4, work)
