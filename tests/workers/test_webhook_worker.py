"""The worker of webhooks: what is owed is told, in order, again and again until it is heard, whatever is killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from app.embedded.server import Server
from tests.databases import copied_database
from tests.service import Service, running_service
from tests.shop import Shop
from tests.until import until
from tests.workers.hooks import QUICKLY, Gate, answering, hooked, scanned, steps


@pytest.fixture(scope="module")
async def own_service(
    migrated_url: str, valkey: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """An API, a worker and a worker of webhooks; tests keep apart by being different clients."""
    folder = tmp_path_factory.mktemp("service")
    async with (
        copied_database(migrated_url) as url,
        running_service(folder, database_url=url, redis_url=valkey.url, settings=QUICKLY) as running,
    ):
        running.start_webhook_worker()
        yield running


async def applied(shop: Shop, code: str, status: str, **fields: Any) -> dict[str, Any]:
    answer = await shop.update(code, status, **fields)
    assert answer.status == 202, answer.body
    update = await shop.decided(answer.json["id"])
    assert update["state"] == "applied", update
    return update


POSTED = "2026-03-01T12:00:00Z"


class TestEvents:
    async def test_a_whole_life_is_told_step_by_step(self, customer: Shop) -> None:
        async with hooked(customer) as hook:
            posting = await customer.create_posting(posted_at=POSTED, reference="pedido-1")
            code = posting["tracking_code"]
            await applied(customer, code, "shipped", occurred_at="2026-03-02T12:00:00Z", city="Campinas", uf="SP")
            await applied(customer, code, "shipped", occurred_at="2026-03-03T12:00:00Z", description="Cajamar")
            await applied(customer, code, "delivered", occurred_at="2026-03-05T12:00:00Z")
            await applied(customer, code, "shipped", occurred_at="2026-03-04T12:00:00Z", city="Santos")
            told = await hook.was_told(5)
            history = {step["seq"]: step for step in await customer.history(code)}
        assert steps(told) == [1, 2, 3, 4, 5]
        assert [event.type for event in told] == [
            "posting.created",
            "posting.status_changed",
            "posting.scanned",
            "posting.status_changed",
            "posting.scanned",  # late: it takes its place, and the status stays
        ]
        assert [event.data["posting_status"] for event in told] == [
            *("pending", "shipped", "shipped", "delivered", "delivered")
        ]
        for event in told:
            step = {name: value for name, value in event.data.items() if name in history[event.step]}
            assert step == {name: history[event.step][name] for name in step}
            assert (event.data["tracking_code"], event.data["reference"]) == (code, "pedido-1")
        assert len({event.id for event in told}) == 5

    async def test_a_refusal_by_the_worker_is_told_with_its_reason(self, customer: Shop) -> None:
        async with hooked(customer, event_types=["status_update.refused"]) as hook:
            code = (await customer.create_posting(posted_at=POSTED))["tracking_code"]
            await applied(customer, code, "shipped", occurred_at="2026-03-05T12:00:00Z")
            late = await customer.update(code, "delivered", occurred_at="2026-03-04T12:00:00Z", city="Santos")
            (event,) = await hook.was_told(1)
        update = await customer.decided(late.json["id"])
        assert (event.type, event.step, event.data["posting_status"]) == ("status_update.refused", 2, "shipped")
        same = ("id", "status", "occurred_at", "city", "uf", "description", "accepted_at", "refusal")
        assert event.data["status_update"] == {name: update[name] for name in same}
        assert update["refusal"]["code"] == "out_of_sequence"

    async def test_a_dead_letter_is_told_as_a_refusal(self, customer: Shop, own_service: Service) -> None:
        connection = await asyncpg.connect(own_service.environment["DATABASE_URL"])
        await connection.execute(
            "ALTER TABLE status_history ADD CONSTRAINT poison CHECK (description IS DISTINCT FROM 'poison')"
        )
        await connection.close()
        async with hooked(customer, event_types=["status_update.refused"]) as hook:
            code = (await customer.create_posting())["tracking_code"]
            await customer.update(code, "shipped", description="poison")
            (event,) = await hook.was_told(1)
        assert (event.step, event.data["posting_status"]) == (1, "pending")
        assert event.data["status_update"]["refusal"]["code"] == "internal_error"

    async def test_a_batch_of_postings_is_told_one_by_one(self, customer: Shop) -> None:
        posting = {"weight_g": 900, "volume_cm3": 7000, **dict.fromkeys(("sender", "recipient"), _party())}
        async with hooked(customer) as hook:
            answer = await customer.send("POST", "/postings/batch", {"postings": [posting] * 30})
            told = await hook.was_told(30)
        assert {event.data["tracking_code"] for event in told} == {
            created["tracking_code"] for created in answer.json["postings"]
        }

    async def test_an_endpoint_hears_of_what_it_asked_for_and_of_nothing_else(self, customer: Shop) -> None:
        async with (
            hooked(customer, event_types=["posting.status_changed"]) as changes,
            hooked(customer, statuses=["delivered"]) as ends,
            hooked(customer, enabled=False) as nothing,
            hooked(customer) as everything,
        ):
            code = (await customer.create_posting())["tracking_code"]
            await scanned(customer, code, 2)
            await applied(customer, code, "delivered")
            assert steps(await everything.was_told(4)) == [1, 2, 3, 4]
            await changes.all_become("delivered", 2)
            assert [event.data["status"] for event in changes.told] == ["shipped", "delivered"]
            await ends.all_become("delivered", 1)
            assert steps(ends.told) == [4]
            assert await nothing.deliveries() == []

    async def test_nobody_hears_of_somebody_else_s_postings(self, customer: Shop, own_service: Service) -> None:
        async with Shop(own_service.url) as other, hooked(customer) as hook:
            await other.register()
            async with hooked(other) as theirs:
                code = (await customer.create_posting())["tracking_code"]
                await hook.was_told(1)
                assert await theirs.deliveries() == []
                assert (await hook.deliveries())[0]["tracking_code"] == code

    async def test_a_test_is_told_and_found_at_its_location(self, customer: Shop) -> None:
        async with hooked(customer) as hook:
            answer = await customer.send("POST", f"/webhooks/endpoints/{hook.id}/test")
            (event,) = await hook.was_told(1)
            assert (answer.status, event.type, event.data) == (202, "webhook.test", {"endpoint_id": hook.id})
            assert answer.headers["Location"] == f"/api/v1/webhooks/deliveries/{event.id}"
            assert (await hook.becomes("delivered", event.id))["attempts"] == 1

    async def test_during_a_rotation_the_old_and_the_new_secret_fit(self, customer: Shop) -> None:
        async with hooked(customer) as hook:
            rotated = await customer.send("POST", f"/webhooks/endpoints/{hook.id}/rotate-secret")
            assert rotated.json["previous_secret_until"] > rotated.json["created_at"]
            await customer.create_posting()
            await hook.was_told(1)  # by the old one
            headers = {name.lower(): value for name, value in hook.receiver.requests[0].headers.items()}
            Webhook(rotated.json["secret"]).verify(hook.receiver.bodies[0].decode(), headers)
            assert len(headers["webhook-signature"].split()) == 2


class TestOrder:
    async def test_the_steps_of_a_posting_come_in_order_and_one_at_a_time(self, customer: Shop) -> None:
        busy: set[str] = set()

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            code = (await request.json())["data"]["tracking_code"]
            assert code not in busy
            busy.add(code)
            await asyncio.sleep(0.005)
            busy.discard(code)
            return web.Response(status=204)

        async with hooked(customer, handle) as hook:
            codes = [(await customer.create_posting())["tracking_code"] for _ in range(3)]
            await asyncio.gather(*(scanned(customer, code, 20) for code in codes))
            told = await hook.was_told(63)
            await hook.all_become("delivered", 63)
        for code in codes:
            assert steps([event for event in told if event.data["tracking_code"] == code]) == [*range(1, 22)]

    async def test_what_comes_after_a_failure_waits_for_the_first_attempts(self, customer: Shop) -> None:
        async with hooked(customer, answering(500, 500)) as hook:
            code = (await customer.create_posting())["tracking_code"]
            await scanned(customer, code, 2)
            assert steps(await hook.was_told(5)) == [1, 1, 1, 2, 3]

    async def test_after_the_first_attempts_the_later_steps_go_by(self, customer: Shop) -> None:
        async def only_later(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=500 if (await request.json())["data"]["step"] == 1 else 204)

        async with hooked(customer, only_later) as hook:
            code = (await customer.create_posting())["tracking_code"]
            await scanned(customer, code, 1)
            told = await hook.was_told(6)
        assert steps(told)[:3] == [1, 1, 1]
        assert sorted(steps(told)[3:]) == [1, 1, 2]

    async def test_two_workers_keep_the_order_too(self, customer: Shop, own_service: Service) -> None:
        second = own_service.start_webhook_worker()

        async def at_work() -> bool:
            return "worker started" in second.log

        await until("the second worker is at work", at_work)
        async with hooked(customer) as hook:
            code = (await customer.create_posting())["tracking_code"]
            await scanned(customer, code, 40)
            assert steps(await hook.was_told(41)) == [*range(1, 42)]
        assert second.stop() == 0


class TestOthers:
    async def test_endpoints_that_never_answer_delay_no_other(self, customer: Shop) -> None:
        gate = Gate()
        async with AsyncExitStack() as stack:
            for _ in range(9):
                await stack.enter_async_context(hooked(customer, gate.handle))
            quick = await stack.enter_async_context(hooked(customer))
            postings = [await customer.create_posting() for _ in range(20)]
            await quick.was_told(20, timeout=9)  # before the others are given up
            await gate.is_reached(9 * 4)
            # Nobody who has not answered yet is sent more than a quarter of what one may have.
            assert gate.most_waiting == 9 * 4
            gate.opened.set()
        assert len(postings) == 20


def _party() -> dict[str, Any]:
    return {"name": "Ana Souza", "cep": "12243-000", "city": "São José dos Campos", "uf": "SP"}
