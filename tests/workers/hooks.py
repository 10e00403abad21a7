"""A client with receivers: what was told to each, held against the secret by the reference library."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from standardwebhooks import Webhook

from tests.core.outside import LOOPBACK, Handler, Receiver, accept, receiver
from tests.shop import Shop
from tests.until import until

# One that tries again soon, and takes over soon.
QUICKLY: Final = {
    "WEBHOOK_DEVELOPMENT": "true",
    "WEBHOOK_RETRY_SECONDS": "0.1,0.1,0.1,0.1",
    "WEBHOOK_LEASE_SECONDS": "2",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One request that a receiver got."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]

    @property
    def step(self) -> int:
        """The number of the step that it is about."""
        number: int = self.data["step"]
        return number


@dataclass(slots=True)
class Hook:
    """An endpoint of a client, and its receiver."""

    shop: Shop
    receiver: Receiver
    id: str
    secret: str
    secrets: list[str] = field(default_factory=list)

    @property
    def told(self) -> list[Told]:
        """All that it was told, in this order; every request is signed as Standard Webhooks has it."""
        told = []
        for request, body in zip(self.receiver.requests, self.receiver.bodies, strict=False):
            assert len(body) < 20_000
            headers = dict(request.headers)
            event = Webhook(self.secret).verify(body.decode(), {name.lower(): headers[name] for name in headers})
            assert event == json.loads(body)
            assert set(event) == {"type", "timestamp", "data"}
            told.append(Told(headers["webhook-id"], **event))
        return told

    async def was_told(self, count: int, timeout: float = 30) -> list[Told]:  # noqa: ASYNC109
        """The first so many requests, once they are there."""

        async def enough() -> bool:
            return len(self.receiver.bodies) >= count

        await until(f"{count} events have come", enough, timeout)
        return self.told[:count]

    async def endpoint(self) -> dict[str, Any]:
        """The endpoint as it is."""
        answer = await self.shop.send("GET", f"/webhooks/endpoints/{self.id}")
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found

    async def change(self, **changes: Any) -> None:
        """Change the endpoint."""
        answer = await self.shop.send("PATCH", f"/webhooks/endpoints/{self.id}", changes)
        assert answer.status == 200, answer.body

    async def deliveries(self, query: str = "") -> list[dict[str, Any]]:
        """Its deliveries, the newest first."""
        answer = await self.shop.send("GET", f"/webhooks/deliveries?endpoint_id={self.id}{query}")
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = answer.json["deliveries"]
        return found

    async def delivery(self, delivery_id: str) -> dict[str, Any]:
        """One delivery with its attempts."""
        answer = await self.shop.send("GET", f"/webhooks/deliveries/{delivery_id}")
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found

    async def becomes(self, state: str, delivery_id: str, timeout: float = 30) -> dict[str, Any]:  # noqa: ASYNC109
        """The delivery once it is in this state."""

        async def look() -> dict[str, Any] | None:
            found = await self.delivery(delivery_id)
            return found if found["state"] == state else None

        found = await until(f"{delivery_id} is {state}", look, timeout)
        assert found is not None
        return found

    async def all_become(self, state: str, count: int, timeout: float = 30) -> list[dict[str, Any]]:  # noqa: ASYNC109
        """All its deliveries, once there are so many and all are in this state."""

        async def look() -> list[dict[str, Any]] | None:
            found = await self.deliveries("&limit=200")
            return found if [each["state"] for each in found] == [state] * count else None

        found = await until(f"{count} deliveries are {state}", look, timeout)
        assert found is not None
        return found


@asynccontextmanager
async def hooked(shop: Shop, handler: Handler = accept, **fields: Any) -> AsyncIterator[Hook]:
    """Yield a new endpoint of this client with its receiver, which answers as the handler does."""
    async with receiver(handler) as listening:
        url = f"http://{LOOPBACK}:{listening.port}/"
        answer = await shop.send("POST", "/webhooks/endpoints", {"url": url, **fields})
        assert answer.status == 201, answer.body
        yield Hook(shop, listening, answer.json["id"], answer.json["secret"])


def answering(*statuses: int, then: int = 204) -> Handler:
    """A receiver that gives these answers, one after the other, and then always the same one."""
    left = list(statuses)

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=left.pop(0) if left else then)

    return handle


@dataclass(slots=True)
class Gate:
    """A receiver that answers once it is opened."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    most_waiting: int = 0

    async def handle(self, _: web.BaseRequest) -> web.StreamResponse:
        """Wait, and answer."""
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        try:
            await self.opened.wait()
        finally:
            self.waiting -= 1
        return web.Response(status=204)

    async def is_reached(self, count: int = 1) -> None:
        """Return once so many wait."""

        async def enough() -> bool:
            return self.waiting >= count

        await until(f"{count} requests wait for their answer", enough, timeout=30)


async def scanned(shop: Shop, code: str, count: int) -> None:
    """So many scans of a posting, all applied."""
    updates = [{"tracking_code": code, "status": "shipped", "description": f"scan {n}"} for n in range(count)]
    answer = await shop.send("POST", "/status-updates", {"updates": updates})
    assert answer.status == 202, answer.body
    for update in answer.json["updates"]:
        assert (await shop.decided(update["status_update"]["id"]))["state"] == "applied"


def steps(told: Sequence[Told]) -> list[int]:
    """The numbers of the steps, in the order of the requests."""
    return [event.step for event in told]
