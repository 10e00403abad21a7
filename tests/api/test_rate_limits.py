"""Who asks too often is told so before anything is done for it, by whichever process, and nobody else is."""

import asyncio
import itertools
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from tests.databases import copied_database
from tests.proxy import proxy_to
from tests.service import Service, running_service
from tests.shop import Answer, Shop
from tests.until import until

UNKNOWN: Final = "/tracking/EE876543216CA"
PER_CLIENT: Final = 120
PER_ADDRESS: Final = 20
LIMITS: Final = {
    "RATE_LIMIT_PER_CLIENT": str(PER_CLIENT),
    "RATE_LIMIT_PER_ADDRESS": str(PER_ADDRESS),
    "MAX_SHARE_OF_ONE_CALLER": "1",
    "TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/8",
}


_LAST_BYTES: Final = itertools.count(1)


def at(address: str) -> dict[str, str]:
    """What a proxy says of who asks it from this address."""
    return {"X-Forwarded-For": address}


def left(answer: Answer, policy: str) -> int:
    """How many requests the answer says are left."""
    found = re.fullmatch(f'"{policy}";r=([0-9]+);t=([0-9]+)', answer.headers["RateLimit"])
    assert found, answer.headers["RateLimit"]
    assert int(found[2]) >= 1
    return int(found[1])


class Counting:
    """Counts the requests of one caller: each answer has to say that as many fewer are left, less what came back since the first."""

    def __init__(self, policy: str, per_minute: int) -> None:
        """The first request is sent after this."""
        self._policy = policy
        self._per_minute = per_minute
        self._used = 0
        self._begun = time.monotonic()

    def check(self, answer: Answer) -> None:
        """The answer to the next request."""
        self._used += 1
        came_back = int((time.monotonic() - self._begun) * self._per_minute / 60)
        told = left(answer, self._policy)
        assert self._per_minute - self._used <= told <= self._per_minute - max(1, self._used - came_back)


async def use_up(
    shop: Shop,
    path: str = UNKNOWN,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: object = None,
) -> Answer:
    """Ask, many times at once since the quota comes back all the while, until the answer is that it is used up."""

    async def refused() -> Answer | None:
        asked = (shop.send(method, path, body, headers=headers or {}) for _ in range(PER_ADDRESS))
        return next((answer for answer in await asyncio.gather(*asked) if answer.status == 429), None)

    return await until("the quota is used up", refused, timeout=30)


@asynccontextmanager
async def started(folder: Path, database_url: str, redis_url: str, **settings: str) -> AsyncIterator[Service]:
    """An API with limits, without workers."""
    async with running_service(
        folder, database_url=database_url, redis_url=redis_url, workers=0, settings={**LIMITS, **settings}
    ) as service:
        yield service


@pytest.fixture(scope="module")
async def processes(
    migrated_url: str, valkey: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Service]]:
    """Two API processes of one service, behind a proxy on this machine; tests keep apart by coming from different addresses."""
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    async with copied_database(migrated_url) as url, AsyncExitStack() as stack:
        yield [await stack.enter_async_context(started(folder, url, valkey.url)) for folder in folders]


@pytest.fixture
async def shop(processes: list[Service]) -> AsyncIterator[Shop]:
    """A client, registered from an address of its own."""
    async with Shop(processes[0].url) as shop:
        shop.headers = at(f"192.0.2.{next(_LAST_BYTES)}")
        await shop.register()
        yield shop


async def logged(service: Service, words: str) -> bool:
    """Whether the service has written this."""
    return words in service.log


async def test_every_answer_tells_the_policy_and_what_is_left(shop: Shop) -> None:
    counting = Counting("client", PER_CLIENT)
    for _ in range(2):
        answer = await shop.send("GET", "/clients/me")
        assert answer.headers["RateLimit-Policy"] == f'"client";q={PER_CLIENT};w=60'
        counting.check(answer)
    answer = await shop.send("GET", "/no-such-thing")
    assert answer.status == 404
    counting.check(answer)
    assert "RateLimit" not in (await shop.send("GET", "//health/live")).headers


async def test_a_client_that_asks_too_often_is_told_which_policy_and_when_to_come_back(shop: Shop) -> None:
    body = {"postings": [{"nonsense": True}]}
    assert (await shop.send("POST", "/postings/batch", body)).status == 422
    answer = await use_up(shop, "/postings/batch", method="POST", body=body)
    assert answer.code == "quota_exceeded"
    assert answer.json["violated-policies"] == ["client"]
    assert answer.headers["RateLimit-Policy"] == f'"client";q={PER_CLIENT};w=60'
    assert re.fullmatch('"client";r=0;t=[12]', answer.headers["RateLimit"])
    assert answer.headers["Retry-After"] in ("1", "2")
    answer = await use_up(shop, "/clients/me", headers={"Accept-Language": "pt-BR"})
    assert answer.json["title"] == "Cota esgotada"

    async def let_in() -> bool:
        return (await shop.send("GET", "/clients/me")).status == 200

    await until("there is more of the quota", let_in)


async def test_another_client_at_the_same_address_has_a_quota_of_its_own(shop: Shop, processes: list[Service]) -> None:
    await use_up(shop, "/clients/me")
    async with Shop(processes[0].url) as other:
        other.headers = {"X-Forwarded-For": shop.headers["X-Forwarded-For"]}
        await other.register()
        assert left(await other.send("GET", "/clients/me"), "client") == PER_CLIENT - 1


async def test_a_test_key_uses_the_quota_of_its_world_and_not_its_account_s(
    shop: Shop, processes: list[Service]
) -> None:
    async with Shop(processes[0].url) as sandbox:
        await sandbox.use_key_of(shop, mode="test")
        await use_up(shop, "/clients/me")
        assert left(await sandbox.send("GET", "/postings"), "client") == PER_CLIENT - 1


async def test_who_shows_no_good_credential_counts_with_its_address(processes: list[Service]) -> None:
    async with Shop(processes[0].url) as anybody:
        counting = Counting("address", PER_ADDRESS)
        for token in ("", "Bearer x", "Bearer postagens_live_mistyped", "Basic eA=="):
            headers = {**at("203.0.113.1"), **({"Authorization": token} if token else {})}
            answer = await anybody.send("GET", "/clients/me", headers=headers)
            assert answer.status == 401
            counting.check(answer)
        assert (await use_up(anybody, headers=at("203.0.113.1"))).json["violated-policies"] == ["address"]
        assert (await anybody.send("GET", UNKNOWN, headers=at("203.0.113.2"))).status == 404


async def test_the_addresses_of_one_ipv6_subscriber_count_as_one(processes: list[Service]) -> None:
    async with Shop(processes[0].url) as anybody:
        counting = Counting("address", PER_ADDRESS)
        for address in ("2001:db8:1:2::1", "[2001:db8:1:2:a:b:c:d]:443", "2001:DB8:1:2::2"):
            counting.check(await anybody.send("GET", UNKNOWN, headers=at(address)))
        answer = await anybody.send("GET", UNKNOWN, headers=at("2001:db8:1:3::1"))
        assert left(answer, "address") == PER_ADDRESS - 1


async def test_only_what_a_trusted_proxy_has_written_is_believed(processes: list[Service]) -> None:
    async with Shop(processes[0].url) as anybody:
        counting = Counting("address", PER_ADDRESS)
        for number in range(3):
            # What the caller itself wrote stands before what the proxies added.
            headers = at(f"198.51.100.{number}, 203.0.113.9, 10.0.0.{number}")
            counting.check(await anybody.send("GET", UNKNOWN, headers=headers))


async def test_without_trusted_proxies_nobody_is_who_they_say(
    database_url: str, valkey: Server, tmp_path: Path
) -> None:
    async with (
        started(tmp_path, database_url, valkey.url, TRUSTED_PROXIES="") as service,
        Shop(service.url) as shop,
    ):
        counting = Counting("address", PER_ADDRESS)
        for number in range(3):
            counting.check(await shop.send("GET", UNKNOWN, headers=at(f"203.0.113.{number}")))


async def test_processes_share_what_is_used(shop: Shop, processes: list[Service]) -> None:
    await use_up(shop, "/clients/me")
    async with Shop(processes[1].url) as there:
        there.headers = shop.headers
        let_through = 0

        async def knows() -> bool:
            nonlocal let_through
            answers = await asyncio.gather(*(there.send("GET", "/clients/me") for _ in range(3)))
            let_through += sum(answer.status == 200 for answer in answers)
            return let_through > 0 and any(answer.status == 429 for answer in answers)

        await until("the other process knows", knows)
        # By itself it would let through as many again.
        assert let_through < PER_CLIENT / 2


async def test_one_in_html_is_a_page(processes: list[Service]) -> None:
    async with Shop(processes[0].url) as person:
        headers = {**at("203.0.113.30"), "Accept": "text/html", "Accept-Language": "en"}
        page = await use_up(person, "//track/EE876543216CA", headers)
        assert page.headers["Content-Type"].startswith("text/html")
        assert int(page.headers["Retry-After"]) >= 1


async def test_a_page_of_another_origin_can_read_its_quota(processes: list[Service]) -> None:
    async with Shop(processes[0].url) as page:
        for answer in (
            await page.send("GET", UNKNOWN, headers=at("203.0.113.40")),
            await use_up(page, headers=at("203.0.113.40")),
        ):
            exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
            for name in ("RateLimit", "RateLimit-Policy"):
                assert name in exposed
                assert name in answer.headers


async def test_zero_is_no_limit(database_url: str, valkey: Server, tmp_path: Path) -> None:
    off = {"RATE_LIMIT_PER_CLIENT": "0", "RATE_LIMIT_PER_ADDRESS": "0"}
    async with started(tmp_path, database_url, valkey.url, **off) as service, Shop(service.url) as shop:
        await shop.register()
        for path in (UNKNOWN, "/clients/me"):
            assert "RateLimit" not in (await shop.send("GET", path)).headers


async def test_a_killed_redis_costs_no_request_any_time_and_each_process_goes_on_by_itself(
    database_url: str, tmp_path: Path
) -> None:
    with start_valkey(tmp_path / "valkey", durable=False) as mortal:
        async with started(tmp_path, database_url, mortal.url) as service, Shop(service.url) as shop:
            assert left(await shop.send("GET", UNKNOWN, headers=at("203.0.113.1")), "address") == PER_ADDRESS - 1
            os.kill(mortal.pid, signal.SIGKILL)
            for address in ("203.0.113.1", "203.0.113.2"):
                asked = time.monotonic()
                await use_up(shop, headers=at(address))
                assert time.monotonic() < asked + 10  # one that waited for Redis would have taken three seconds
            await until("the log says so", partial(logged, service, "each process keeps to the quotas by itself"))


async def test_a_silent_redis_costs_no_request_any_time_either(
    database_url: str, valkey: Server, tmp_path: Path
) -> None:
    async with (
        proxy_to(valkey.url) as network,
        started(tmp_path, database_url, network.url) as service,
        Shop(service.url) as shop,
    ):
        network.fall_silent()
        asked = time.monotonic()
        await use_up(shop, headers=at("203.0.113.1"))
        assert time.monotonic() < asked + 10
        await until("the log says so", partial(logged, service, "each process keeps to the quotas by itself"))
        network.heal()

        async def shared_again() -> bool:
            await shop.send("GET", UNKNOWN, headers=at("203.0.113.5"))
            return "quotas are shared with the other processes again" in service.log

        await until("the quotas are shared again", shared_again, timeout=30)
