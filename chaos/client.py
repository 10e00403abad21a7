"""One client process: creates postings, asks for status updates and reads, until SIGTERM: `python -m chaos.client ORDERS`.

All that it asks, is answered and sees is in its ledger. It never asks without an Idempotency-Key (unless it is ordered to, as a
negative control), and repeats what was not answered with the same one.
"""

import asyncio
import itertools
import json
import random
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from chaos.caller import Answer, Caller, calling
from chaos.ledger import Asked, Created, KeyReused, Ledger, Seen, Subscribed, now

PARTY: Final = {"name": "Ana Souza", "cep": "12243-000", "city": "São José dos Campos", "uf": "SP"}
_MOST_UPDATES: Final = 30
_POSTED_AGO: Final = timedelta(days=2)
_STOP_WITHIN: Final = 60.0
_ACCEPTED: Final = 202
_REFUSED: Final = 409


@dataclass(frozen=True, slots=True)
class Orders:
    """What a client process is told: who it is, whom to ask, how fast, for how many postings at once, and where its ledger is."""

    name: str
    urls: tuple[str, ...]
    ledger: str
    seed: int
    hands: int
    pause_seconds: float
    without_key: bool = False
    parcels: int = 12
    endpoints: tuple[str, ...] = ()


@dataclass(slots=True)
class Parcel:
    """A posting as its client knows it."""

    tracking_code: str
    updates: list[str]
    ended: bool = False


@dataclass(frozen=True, slots=True)
class _Fate:
    """What an answer says of one update: of a batch, each has its own."""

    status: int
    code: str | None
    accepted: Any = None


class Client:
    """The hands of one client: each does one thing after the other, all on the same postings."""

    def __init__(self, orders: Orders, caller: Caller, ledger: Ledger, chance: random.Random) -> None:
        self._orders = orders
        self._caller = caller
        self._ledger = ledger
        self._chance = chance
        self._numbers = itertools.count()
        self._parcels: list[Parcel] = []
        self._give_up = float("inf")
        self.stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing new; what is under way is repeated for a while still."""
        self._give_up = now() + _STOP_WITHIN
        self.stopping.set()

    async def subscribe(self) -> None:
        """Have everything that happens from now on posted to the endpoints that were ordered."""
        for url in self._orders.endpoints:
            answer = await self._caller.insist("POST", "/api/v1/webhooks/endpoints", {"url": url}, give_up=now() + 60)
            self._ledger.write(Subscribed(urlsplit(url).path, self._orders.name, answer.body["secret"]))

    async def run(self) -> None:
        """Work with all hands until stop()."""
        async with asyncio.TaskGroup() as hands:
            for _ in range(self._orders.hands):
                hands.create_task(self._hand())

    async def _hand(self) -> None:
        acts: Sequence[tuple[Callable[[Parcel], Any], int]] = (
            (self._scan, 40),
            (self._scan_of_the_past, 12),
            (self._end, 8),
            (self._scan_several, 8),
            (self._ask_five_times_at_once, 6),
            (self._reuse_a_key, 3),
            (self._read_history, 12),
            (self._read_update, 12),
        )
        while not self.stopping.is_set():
            alive = [parcel for parcel in self._parcels if not parcel.ended]
            if len(alive) < self._orders.parcels:
                await self._create()
            else:
                (act, _), *_ = self._chance.choices(acts, weights=[weight for _, weight in acts])
                await act(self._chance.choice(alive))
            await asyncio.sleep(self._chance.uniform(0, 2 * self._orders.pause_seconds))

    def _wish(self) -> str:
        return f"{self._orders.name}-{next(self._numbers)}"

    def _key(self, wish: str) -> str | None:
        return None if self._orders.without_key else wish

    async def _create(self) -> None:
        wish = self._wish()
        posting = {
            "weight_g": self._chance.randint(1, 30_000),
            "volume_cm3": 7_000,
            "sender": PARTY,
            "recipient": PARTY,
            "metadata": {"wish": wish},
            "posted_at": (datetime.now(UTC) - _POSTED_AGO).isoformat(),
        }

        def note(answer: Answer) -> None:
            code = answer.body["tracking_code"] if answer.status == 201 else None
            self._ledger.write(Created(wish, answer.sent, answer.answered, answer.status, answer.code, code))
            if code and code not in {parcel.tracking_code for parcel in self._parcels}:
                self._parcels.append(Parcel(code, []))

        await self._caller.insist(
            "POST", "/api/v1/postings", posting, key=self._key(wish), give_up=self._give_up, note=note
        )

    async def _scan(self, parcel: Parcel) -> None:
        await self._ask(parcel, self._update("shipped"))

    async def _scan_of_the_past(self, parcel: Parcel) -> None:
        happened = datetime.now(UTC) - self._chance.random() * _POSTED_AGO * 1.02
        await self._ask(parcel, self._update("shipped", occurred_at=happened.isoformat()))

    async def _end(self, parcel: Parcel) -> None:
        status = self._chance.choice(["delivered", "delivered", "returned", "cancelled", "pending"])
        answer = await self._ask(parcel, self._update(status))
        parcel.ended = parcel.ended or (answer.status == _ACCEPTED and status != "cancelled")

    def _update(self, status: str, **fields: str) -> dict[str, str]:
        place = self._chance.choice([{}, {"city": "Campinas", "uf": "SP"}, {"city": "Rio de Janeiro", "uf": "RJ"}])
        return {"status": status, "description": self._wish(), **place, **fields}

    async def _ask(self, parcel: Parcel, update: dict[str, str]) -> Answer:
        """Ask for the update until there is an answer, and note every attempt."""
        return await self._caller.insist(
            "PATCH",
            f"/api/v1/postings/{parcel.tracking_code}/status",
            update,
            key=self._key(update["description"]),
            give_up=self._give_up,
            note=lambda answer: self._note(parcel, update, answer, _Fate(answer.status, answer.code, answer.body)),
        )

    def _note(self, parcel: Parcel, update: dict[str, str], answer: Answer, fate: "_Fate") -> None:
        update_id = fate.accepted["id"] if fate.status == _ACCEPTED else None
        if update_id and update_id not in parcel.updates:
            parcel.updates.append(update_id)
            parcel.ended = parcel.ended or len(parcel.updates) >= _MOST_UPDATES
        self._ledger.write(
            Asked(
                update["description"],
                parcel.tracking_code,
                update["status"],
                update.get("occurred_at"),
                update.get("city"),
                update.get("uf"),
                answer.sent,
                answer.answered,
                fate.status,
                fate.code,
                update_id,
            )
        )

    async def _scan_several(self, _parcel: Parcel) -> None:
        """One request with a scan for each of several postings, two for the first."""
        alive = [each for each in self._parcels if not each.ended]
        parcels = self._chance.sample(alive, min(len(alive), 5))
        asked = [(parcel, self._update("shipped")) for parcel in [parcels[0], *parcels]]
        body = {"updates": [{"tracking_code": parcel.tracking_code, **update} for parcel, update in asked]}

        def note(answer: Answer) -> None:
            for position, (parcel, update) in enumerate(asked):
                fate = _Fate(answer.status, answer.code)
                if answer.status == _ACCEPTED:
                    item = answer.body["updates"][position]
                    accepted, refusal = item["status_update"], item["refusal"]
                    fate = _Fate(_ACCEPTED, None, accepted) if accepted else _Fate(_REFUSED, refusal["code"])
                self._note(parcel, update, answer, fate)

        key = self._key(f"batch {asked[0][1]['description']}")
        await self._caller.insist("POST", "/api/v1/status-updates", body, key=key, give_up=self._give_up, note=note)

    async def _ask_five_times_at_once(self, parcel: Parcel) -> None:
        if not self._orders.without_key:
            update = self._update("shipped")
            await asyncio.gather(*(self._ask(parcel, update) for _ in range(5)))

    async def _reuse_a_key(self, parcel: Parcel) -> None:
        """Ask, and once that is accepted ask for something else with the same key."""
        if self._orders.without_key:
            return
        update = self._update("shipped")
        if (await self._ask(parcel, update)).status == _ACCEPTED:
            await self._caller.insist(
                "PATCH",
                f"/api/v1/postings/{parcel.tracking_code}/status",
                {**update, "city": "Outra", "uf": "MG"},
                key=update["description"],
                give_up=self._give_up,
                note=lambda answer: self._ledger.write(
                    KeyReused(answer.sent, answer.answered, answer.status, answer.code)
                ),
            )

    async def _read_history(self, parcel: Parcel) -> None:
        path = self._chance.choice(["postings/{}/history", "tracking/{}"]).format(parcel.tracking_code)
        await self._see(parcel.tracking_code, path, lambda body: len(body["steps"]))

    async def _read_update(self, parcel: Parcel) -> None:
        if parcel.updates:
            update_id = self._chance.choice(parcel.updates)
            await self._see(update_id, f"status-updates/{update_id}", lambda body: int(body["state"] != "queued"))

    async def _see(self, what: str, path: str, progress: Callable[[Any], int]) -> None:
        answer = await self._caller.attempt("GET", f"/api/v1/{path}")
        seen = progress(answer.body) if answer.status == 200 else 0
        self._ledger.write(Seen(what, answer.sent, answer.answered, answer.status, seen))


async def work(orders: Orders) -> None:
    """Be that client until SIGTERM."""
    chance = random.Random(orders.seed)
    email = f"{orders.name}@chaos.com.br"
    with Ledger(Path(orders.ledger)) as ledger:
        async with calling(orders.urls, email, chance) as caller:
            client = Client(orders, caller, ledger, chance)
            await client.subscribe()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, client.stop)
            await client.run()


if __name__ == "__main__":
    asyncio.run(work(Orders(**json.loads(sys.argv[1]))))
