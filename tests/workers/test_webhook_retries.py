"""Deliveries that fail: the schedule, what a receiver asks for, endpoints that are disabled, and sending again."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.embedded.server import Server
from tests.databases import copied_database
from tests.service import Service, running_service
from tests.shop import Shop
from tests.until import until
from tests.workers.hooks import QUICKLY, answering, hooked, scanned, steps


@asynccontextmanager
async def serving(folder: Path, database_url: str, valkey: Server, **settings: str) -> AsyncIterator[Service]:
    """A service with all its workers and these settings."""
    async with running_service(
        folder, database_url=database_url, redis_url=valkey.url, settings={**QUICKLY, **settings}
    ) as service:
        service.start_webhook_worker()
        yield service


@asynccontextmanager
async def served(
    folder: Path, database_url: str, valkey: Server, **settings: str
) -> AsyncIterator[tuple[Service, Shop]]:
    """A service of a test's own, and a client of it."""
    async with serving(folder, database_url, valkey, **settings) as service, Shop(service.url) as shop:
        await shop.register()
        yield service, shop


@pytest.fixture(scope="module")
async def own_service(
    migrated_url: str, valkey: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A service that the clients of this file share."""
    async with copied_database(migrated_url) as url, serving(tmp_path_factory.mktemp("own"), url, valkey) as service:
        yield service


def asking_to_wait(status: int, seconds: int) -> Any:
    """A receiver that asks once for a pause."""
    asked = False

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        nonlocal asked
        if asked:
            return web.Response(status=204)
        asked = True
        return web.Response(status=status, headers={"Retry-After": str(seconds)})

    return handle


def seconds_between(first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    """From the beginning of one attempt to that of the other."""
    one, other = (datetime.fromisoformat(attempt["started_at"]) for attempt in (first, second))
    return (other - one).total_seconds()


class TestSchedule:
    async def test_every_attempt_has_the_same_id_and_says_the_same(self, customer: Shop) -> None:
        async with hooked(customer, answering(500, 302, 404)) as hook:
            await customer.create_posting()
            told = await hook.was_told(4)
            assert len({event.id for event in told}) == 1
            assert len(set(hook.receiver.bodies)) == 1
            delivery = await hook.becomes("delivered", told[0].id)
        attempts = delivery["ended_attempts"]
        assert [(attempt["number"], attempt["status"]) for attempt in attempts] == [
            (1, 500),
            (2, 302),
            (3, 404),
            (4, 204),
        ]
        assert all(seconds_between(*pair) >= 0.1 for pair in pairwise(attempts))
        assert (delivery["due_at"], delivery["attempts"]) == (None, 4)

    async def test_after_the_last_attempt_it_has_failed_and_can_be_sent_again(self, customer: Shop) -> None:
        async with hooked(customer, answering(*[500] * 5)) as hook:
            await customer.create_posting()
            told = await hook.was_told(5)
            failed = await hook.becomes("failed", told[0].id)
            assert (failed["attempts"], failed["finished_at"] is None) == (5, False)
            again = await customer.send("POST", f"/webhooks/deliveries/{told[0].id}/redeliver")
            assert (again.status, again.json["id"], again.json["state"]) == (202, told[0].id, "waiting")
            assert again.headers["Location"] == f"/api/v1/webhooks/deliveries/{told[0].id}"
            assert (await hook.becomes("delivered", told[0].id))["attempts"] == 6
            assert hook.told[5].id == told[0].id

    async def test_what_was_delivered_can_be_sent_again_too(self, customer: Shop) -> None:
        async with hooked(customer) as hook:
            await customer.create_posting()
            (event,) = await hook.was_told(1)
            await hook.becomes("delivered", event.id)
            await customer.send("POST", f"/webhooks/deliveries/{event.id}/redeliver")
            assert [each.id for each in await hook.was_told(2)] == [event.id] * 2

    async def test_all_that_failed_since_a_time_is_sent_again_in_order(self, customer: Shop) -> None:
        async with hooked(customer, answering(*[500] * 15)) as hook:
            code = (await customer.create_posting())["tracking_code"]
            await hook.all_become("failed", 1)
            await scanned(customer, code, 2)
            failed = await hook.all_become("failed", 3)
            since = {"since": failed[1]["created_at"]}
            again = await customer.send("POST", f"/webhooks/endpoints/{hook.id}/redeliver", since)
            assert (again.status, again.json) == (202, {"redelivered": 2})
            assert steps((await hook.was_told(17))[15:]) == [2, 3]
            assert len(await hook.deliveries("&state=failed")) == 1

    async def test_the_log_keeps_how_an_answer_begins_or_why_there_was_none(self, customer: Shop) -> None:
        async def talkative(request: web.BaseRequest) -> web.StreamResponse:
            if not request.transport:
                raise AssertionError
            if request.headers["webhook-id"] in seen:
                request.transport.close()
                return web.Response()
            seen.add(request.headers["webhook-id"])
            return web.Response(status=500, body=b"a\x00\xff" + b"b" * 5000)

        seen: set[str] = set()
        async with hooked(customer, talkative) as hook:
            await customer.create_posting()
            (event, *_) = await hook.was_told(2)

            async def two_ended() -> list[dict[str, Any]] | None:
                ended: list[dict[str, Any]] = (await hook.delivery(event.id))["ended_attempts"]
                return ended if len(ended) >= 2 else None

            ended = await until("two attempts have ended", two_ended)
        assert ended is not None
        assert (ended[0]["status"], ended[0]["body_start"]) == (500, "a\ufffd\ufffd" + "b" * 997)
        assert (ended[1]["status"], ended[1]["failure"]) == (None, "the connection was closed without an answer")


class TestPause:
    @pytest.mark.parametrize("status", [429, 503])
    async def test_an_endpoint_that_asks_for_it_is_left_in_peace(self, customer: Shop, status: int) -> None:
        async with hooked(customer, asking_to_wait(status, 2)) as hook:
            await customer.create_posting()
            await hook.was_told(1)

            async def paused() -> bool:
                return bool((await hook.endpoint())["paused_until"])

            await until("the endpoint is paused", paused)
            await customer.create_posting()
            first, second = await hook.all_become("delivered", 2)
            attempts = (await hook.delivery(second["id"]))["ended_attempts"]
            assert seconds_between(attempts[0], attempts[1]) >= 2
            (other,) = (await hook.delivery(first["id"]))["ended_attempts"]
            assert seconds_between(attempts[0], other) >= 2
            assert (await hook.endpoint())["paused_until"] is None

    async def test_an_answer_of_another_kind_puts_off_this_delivery_alone(self, customer: Shop) -> None:
        async with hooked(customer, asking_to_wait(500, 2)) as hook:
            await customer.create_posting()
            await hook.was_told(1)
            await customer.create_posting()
            _, second = await hook.all_become("delivered", 2)
            attempts = (await hook.delivery(second["id"]))["ended_attempts"]
            assert seconds_between(attempts[0], attempts[1]) >= 2
            assert hook.told[1].id != hook.told[2].id == hook.told[0].id


class TestDisabled:
    async def test_an_endpoint_that_is_gone_is_told_nothing_more(self, customer: Shop) -> None:
        async with hooked(customer, answering(410)) as hook:
            await customer.create_posting()
            await hook.all_become("failed", 1)
            endpoint = await hook.endpoint()
            assert (endpoint["enabled"], endpoint["disabled_reason"]) == (False, "gone")
            assert endpoint["disabled_at"]
            await customer.create_posting()
            assert len(await hook.deliveries()) == 1
            await hook.change(enabled=True)
            assert (await hook.endpoint())["disabled_reason"] is None
            await customer.create_posting()
            assert len(await hook.was_told(2)) == 2

    async def test_an_endpoint_that_fails_for_too_long_is_disabled_and_what_it_is_owed_waits(
        self, database_url: str, valkey: Server, tmp_path: Path
    ) -> None:
        waits = {"WEBHOOK_RETRY_SECONDS": ",".join(["0.3"] * 50), "WEBHOOK_DISABLE_DAYS": "0.00001"}
        ill = asyncio.Event()
        ill.set()

        async def handle(_: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=500 if ill.is_set() else 204)

        async with served(tmp_path, database_url, valkey, **waits) as (_, shop), hooked(shop, handle) as hook:
            await shop.create_posting()

            async def disabled() -> bool:
                return not (await hook.endpoint())["enabled"]

            await until("the endpoint is disabled", disabled)
            endpoint = await hook.endpoint()
            assert endpoint["disabled_reason"] == "failing"
            assert endpoint["failing_since"] < endpoint["disabled_at"]
            (delivery,) = await hook.deliveries()
            assert delivery["state"] == "waiting"
            ill.clear()
            await hook.change(enabled=True)
            assert (await hook.endpoint())["failing_since"] is None
            await hook.all_become("delivered", 1)

    async def test_what_was_owed_before_waits_while_an_endpoint_is_disabled(self, customer: Shop) -> None:
        async with hooked(customer, answering(*[500] * 2)) as hook:
            await hook.change(enabled=False)
            test = await customer.send("POST", f"/webhooks/endpoints/{hook.id}/test")
            async with hooked(customer) as other:  # by its event it is seen that the worker has been round
                await customer.create_posting()
                await other.was_told(1)
            assert hook.receiver.bodies == []
            await hook.change(enabled=True)
            await hook.becomes("delivered", test.json["id"])

    async def test_a_deleted_endpoint_is_told_nothing_and_what_it_was_owed_goes(
        self, database_url: str, valkey: Server, tmp_path: Path, connection: Any
    ) -> None:
        async with served(tmp_path, database_url, valkey) as (service, shop), hooked(shop, enabled=False) as hook:
            await shop.send("POST", f"/webhooks/endpoints/{hook.id}/test")
            assert (await shop.send("DELETE", f"/webhooks/endpoints/{hook.id}")).status == 204
            assert (await shop.send("GET", "/webhooks/deliveries")).json["deliveries"] == []
            service.start_webhook_worker()  # looks after the log at its start

            async def gone() -> bool:
                return not await connection.fetchval("SELECT count(*) FROM webhook_deliveries")

            await until("nothing is owed any more", gone)
            assert hook.receiver.bodies == []
            assert await connection.fetchval("SELECT secret FROM webhook_endpoints") == b""


async def test_what_became_due_by_a_clock_that_was_put_back_is_sent_all_the_same(
    database_url: str, valkey: Server, tmp_path: Path, connection: Any
) -> None:
    async with served(tmp_path, database_url, valkey) as (_, shop), hooked(shop, enabled=False) as hook:
        test = await shop.send("POST", f"/webhooks/endpoints/{hook.id}/test")
        await connection.execute(
            "UPDATE webhook_deliveries SET due_at = due_at + interval '1 hour', due_set_at = due_set_at + interval '1 hour'"
        )
        await hook.change(enabled=True)
        await hook.becomes("delivered", test.json["id"])
