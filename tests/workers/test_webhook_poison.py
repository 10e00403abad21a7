"""Answers that PostgreSQL would not take: the worker lives on, and nobody else's webhooks wait for it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from tests.core.outside import LOOPBACK, talking
from tests.service import Process, Service
from tests.shop import Shop
from tests.workers.hooks import QUICKLY, hooked


@pytest.fixture
def settings() -> Mapping[str, str]:
    """Workers of webhooks that try again soon, and take over soon."""
    return QUICKLY


@pytest.fixture
def worker(own_service: Service) -> Process:
    """A worker of webhooks."""
    return own_service.start_webhook_worker()


@pytest.mark.parametrize("line", [b"HTTP/1.1 000 OK", b"HTTP/1.1 099 Nothing"])
async def test_a_status_that_is_none_is_a_failed_attempt_and_holds_up_nobody(
    customer: Shop, worker: Process, line: bytes
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(line + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with talking(talk) as ill, hooked(customer) as well:
        answer = await customer.send("POST", "/webhooks/endpoints", {"url": f"http://{LOOPBACK}:{ill.port}/"})
        test = await customer.send("POST", f"/webhooks/endpoints/{answer.json['id']}/test")
        await customer.create_posting()
        await well.all_become("delivered", 1)
        failed = await well.becomes("failed", test.json["id"])
    assert {(attempt["status"], attempt["failure"]) for attempt in failed["ended_attempts"]} == {
        (None, "what came is not an answer of HTTP")
    }
    assert worker.alive, worker.log


async def test_what_cannot_be_written_is_left_out_and_sent_again_when_its_lease_ends(
    customer: Shop, own_service: Service, connection: Any
) -> None:
    await connection.execute(
        "ALTER TABLE webhook_attempts ADD CONSTRAINT poison CHECK (body_start IS DISTINCT FROM E'a\\npoison')"
    )
    answers = [b"a\npoison"]

    async def poisonous(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=answers.pop() if answers else b"")

    async with hooked(customer, poisonous) as ill, hooked(customer) as well:
        await customer.create_posting()
        await customer.create_posting()
        worker = own_service.start_webhook_worker()  # now: so that all are one batch
        await well.all_become("delivered", 2)
        await ill.all_become("delivered", 2)
        attempts = [each["attempts"] for each in await ill.deliveries()]
    assert sorted(attempts) == [1, 2]
    assert worker.alive, worker.log
    assert "could not be written" in worker.log
    assert "DETAIL" not in worker.log  # there PostgreSQL quotes the row
