"""The worker: what is accepted is decided, whatever is lost, killed or poisoned."""

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest

from app.core.redis import HintStream, open_redis
from tests.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from app.embedded.server import Server
    from tests.service import Service
    from tests.shop import Shop

_GROUP = "posting-status-workers"


@pytest.fixture
async def redis(own_valkey: "Server") -> "AsyncIterator[Redis]":
    """The service's own Valkey, to look into and to break."""
    async with open_redis(own_valkey.url, timeout_seconds=5) as client:
        yield client


@pytest.fixture
def stream(redis: "Redis") -> HintStream:
    """The one stream there is."""
    return HintStream(redis, 0)


async def accepted(customer: "Shop", count: int = 1, status: str = "shipped") -> list[str]:
    """Ids of accepted updates, each for a posting of its own."""
    postings = [await customer.create_posting() for _ in range(count)]
    answers = await asyncio.gather(*(customer.update(posting["tracking_code"], status) for posting in postings))
    assert {answer.status for answer in answers} == {202}
    return [answer.json["id"] for answer in answers]


async def all_applied(customer: "Shop", ids: list[str], timeout: float = 10) -> None:  # noqa: ASYNC109
    for update_id in ids:
        assert (await customer.decided(update_id, timeout=timeout))["state"] == "applied"


async def hints(stream: HintStream, redis: "Redis") -> int:
    return int(await redis.xlen(stream.key))


async def hinted_postings(stream: HintStream, redis: "Redis") -> list[int]:
    entries: Any = await redis.xrange(stream.key)
    return [int(word) for _, fields in entries for word in fields[b"posting_ids"].split()]


async def test_updates_accepted_without_a_worker_are_decided_when_one_comes(
    own_service: "Service", customer: "Shop"
) -> None:
    ids = await accepted(customer, 5)
    own_service.start_worker()
    await all_applied(customer, ids)


async def test_what_is_decided_leaves_nothing_behind_in_the_stream(
    own_service: "Service", customer: "Shop", stream: HintStream, redis: "Redis"
) -> None:
    own_service.start_worker()
    await all_applied(customer, await accepted(customer, 5))

    async def empty() -> bool:
        return await hints(stream, redis) == 0 and (await redis.xpending(stream.key, _GROUP))["pending"] == 0

    await until("the stream is empty and nothing is pending", empty)


async def test_a_lost_hint_is_found_by_the_sweep(
    own_service: "Service", customer: "Shop", stream: HintStream, redis: "Redis"
) -> None:
    ids = await accepted(customer, 3)

    async def hinted() -> bool:
        return len(await hinted_postings(stream, redis)) == 3

    await until("all postings are in the stream", hinted)
    await redis.flushall()
    own_service.start_worker()
    await all_applied(customer, ids)


async def test_losing_the_stream_while_working_loses_nothing(
    own_service: "Service", customer: "Shop", redis: "Redis"
) -> None:
    worker = own_service.start_worker()
    await all_applied(customer, await accepted(customer))
    for _ in range(3):
        ids = await accepted(customer, 3)
        await redis.flushall()
        await all_applied(customer, ids)
    assert worker.alive
    assert worker.log.count("NOGROUP") == 0


async def test_without_redis_updates_are_accepted_and_decided(
    own_service: "Service", customer: "Shop", own_valkey: "Server"
) -> None:
    worker = own_service.start_worker()
    await all_applied(customer, await accepted(customer))
    own_valkey.kill()
    await all_applied(customer, await accepted(customer, 5))
    assert (await customer.send("GET", "//health/ready")).json["redis"] == "down"
    assert worker.alive


async def test_a_hint_in_the_hands_of_a_dead_worker_is_taken_over(stream: HintStream, redis: "Redis") -> None:
    await stream.create_group()
    await stream.add([1, 2])
    await stream.add([3])
    assert len(await stream.read("a-dead-worker", count=10, block_ms=1000)) == 2
    taken = await stream.take_over("me", idle_ms=0, count=10)
    assert [hint.posting_ids for hint in taken] == [[1, 2], [3]]
    assert await stream.read_again("me", count=10) == taken
    await stream.acknowledge(taken)
    assert await stream.read_again("me", count=10) == []
    assert await hints(stream, redis) == 0


async def test_many_postings_are_a_few_hints(stream: HintStream) -> None:
    await stream.create_group()
    await stream.add(range(120))
    found = await stream.read("me", count=10, block_ms=1000)
    assert [hint.posting_ids for hint in found] == [[*range(50)], [*range(50, 100)], [*range(100, 120)]]


async def test_a_consumer_that_is_gone_is_forgotten_but_never_with_hints_in_its_hands(
    stream: HintStream, redis: "Redis"
) -> None:
    await stream.create_group()
    await stream.add([1])
    await stream.read("holds one", count=1, block_ms=1000)
    await stream.read("holds none", count=1, block_ms=1)
    await stream.forget_idle_consumers(idle_ms=-1)
    assert [consumer["name"] for consumer in await redis.xinfo_consumers(stream.key, _GROUP)] == [b"holds one"]


async def test_an_entry_that_is_not_a_hint_stops_nobody(
    own_service: "Service", customer: "Shop", stream: HintStream, redis: "Redis"
) -> None:
    await redis.xadd(stream.key, {"posting_ids": "not a number"})
    await redis.xadd(stream.key, {"posting_ids": ""})
    await redis.xadd(stream.key, {"other": "field"})
    worker = own_service.start_worker()

    async def empty() -> bool:
        return await hints(stream, redis) == 0

    await until("the strange entries are gone", empty)
    await all_applied(customer, await accepted(customer))
    assert "Error" not in worker.log


async def test_a_backlog_of_small_hints_and_of_full_ones_is_emptied(
    own_service: "Service", customer: "Shop", stream: HintStream, redis: "Redis", connection: Any
) -> None:
    codes = [(await customer.create_posting())["tracking_code"] for _ in range(50)]
    accepted = 0
    for number in range(100):
        scans = [{"tracking_code": code, "status": "shipped", "description": f"scan {number}"} for code in codes]
        # First more hints of one posting each than a read begins with, then of fifty, and of one again.
        asked = scans if 40 <= number < 60 else scans[:1]
        assert (await customer.send("POST", "/status-updates", {"updates": asked})).status == 202
        accepted += len(asked)

    async def hinted() -> bool:
        return len(await hinted_postings(stream, redis)) == accepted

    async def emptied() -> bool:
        return await hints(stream, redis) == 0

    await until("all postings are in the stream", hinted)
    own_service.start_worker()
    await until("the stream is empty", emptied, timeout=30)
    assert await connection.fetchval("SELECT count(*) FROM status_updates WHERE state = 'applied'") == accepted


async def test_killed_workers_lose_and_double_nothing(own_service: "Service", customer: "Shop") -> None:
    postings = [(await customer.create_posting())["tracking_code"] for _ in range(20)]
    ids: list[str] = []
    for turn in range(5):
        worker = own_service.start_worker()
        scans = [
            {"tracking_code": code, "status": "shipped", "description": f"scan {turn}.{number}"}
            for number in range(10)
            for code in postings
        ]
        answer = await customer.send("POST", "/status-updates", {"updates": scans})
        ids += [item["status_update"]["id"] for item in answer.json["updates"]]
        await customer.decided(ids[turn * 200])
        worker.kill()
    own_service.start_worker()
    await all_applied(customer, ids, timeout=30)
    for code in postings:
        steps = sorted(await customer.history(code), key=lambda step: int(step["seq"]))
        assert [step["seq"] for step in steps] == list(range(1, 52))
        expected = [f"scan {turn}.{number}" for turn in range(5) for number in range(10)]
        assert [step["description"] for step in steps[1:]] == expected


async def test_a_stopped_worker_finishes_what_it_has_in_hand(own_service: "Service", customer: "Shop") -> None:
    worker = own_service.start_worker()
    await all_applied(customer, await accepted(customer))
    ids = await accepted(customer, 20)
    assert worker.stop() == 0
    assert "worker stopped" in worker.log
    own_service.start_worker()
    await all_applied(customer, ids)


async def test_a_frozen_worker_holds_up_nobody(own_service: "Service", customer: "Shop") -> None:
    frozen = own_service.start_worker()
    await all_applied(customer, await accepted(customer))
    frozen.send(signal.SIGSTOP)
    try:
        ids = await accepted(customer, 5)
        own_service.start_worker()
        await all_applied(customer, ids)
    finally:
        frozen.send(signal.SIGCONT)


async def test_a_posting_in_other_hands_holds_up_only_itself(
    own_service: "Service", customer: "Shop", connection: Any
) -> None:
    held = (await customer.create_posting())["tracking_code"]
    own_service.start_worker()
    async with connection.transaction():
        await connection.execute("SELECT FROM postings WHERE tracking_code = $1 FOR UPDATE", held)
        others = await accepted(customer, 3)
        await all_applied(customer, others)
    waiting = await customer.update(held, "shipped")
    await all_applied(customer, [waiting.json["id"]])


class TestPoison:
    """An update that raises when it is decided: PostgreSQL itself refuses its step."""

    @pytest.fixture(autouse=True)
    async def _poisonous(self, connection: Any) -> None:
        await connection.execute(
            "ALTER TABLE status_history ADD CONSTRAINT poison CHECK (description IS DISTINCT FROM 'poison')"
        )

    async def test_it_alone_ends_as_a_dead_letter_and_the_others_go_on(
        self, own_service: "Service", customer: "Shop", connection: Any
    ) -> None:
        code = (await customer.create_posting())["tracking_code"]
        before = await customer.update(code, "shipped", description="before")
        poison = await customer.update(code, "shipped", description="poison")
        after = await customer.update(code, "shipped", description="after")
        others = await accepted(customer, 10)
        own_service.start_worker()
        await all_applied(customer, [before.json["id"], *others])
        dead = await customer.decided(poison.json["id"], timeout=30)
        assert (dead["state"], dead["refusal"]["code"]) == ("refused", "internal_error")
        await all_applied(customer, [after.json["id"]])
        assert [step["description"] for step in await customer.history(code)] == [None, "before", "after"]
        attempts = await connection.fetchval("SELECT attempts FROM status_updates WHERE refusal = 'internal_error'")
        assert attempts == 5

    async def test_an_operator_sees_it_and_has_it_decided_again(
        self, own_service: "Service", customer: "Shop", operator_of_own: "Shop", connection: Any
    ) -> None:
        code = (await customer.create_posting())["tracking_code"]
        poison = await customer.update(code, "shipped", description="poison")
        own_service.start_worker()
        await customer.decided(poison.json["id"], timeout=30)
        assert (await operator_of_own.send("GET", "/admin/queue")).json["dead_letters"] == 1
        listed = await operator_of_own.send("GET", "/status-updates?refusal=internal_error")
        assert [update["id"] for update in listed.json["status_updates"]] == [poison.json["id"]]
        await connection.execute("ALTER TABLE status_history DROP CONSTRAINT poison")
        redriven = await operator_of_own.send(
            "POST", "/admin/dead-letters/redrive", {"status_update_ids": [poison.json["id"]]}
        )
        assert redriven.json == {"redriven": 1}
        await all_applied(customer, [poison.json["id"]])
