"""The traffic itself: clients register, post their parcels, and ask for status updates."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from typing import Final, TypeVar

from app.replay.accounts import Account
from app.replay.answers import Postings, UpdateSeen
from app.replay.api_client import ApiClient
from app.replay.errors import NoAnswerError, UnexpectedAnswerError
from app.replay.lanes import for_each
from app.replay.ledger import Ledger
from app.replay.orders import Order
from app.replay.progress import Phase
from app.replay.script import Update, posting

T = TypeVar("T")

BATCH: Final = 500
REFUSALS: Final = frozenset(
    {"already_in_status", "already_recorded", "illegal_transition", "out_of_sequence", "history_full"}
)
"""The codes with which a 409 refuses an update; with any other code it is a conflict of another kind."""
LANES_WHILE_HASHING: Final = 8
"""Every registration and login costs the API a password hash; more at once only wait for each other there."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Orders of one seller that are posted in one request."""

    seller_id: str
    number: int
    orders: Sequence[Order]


def batches(orders: Iterable[Order]) -> list[Batch]:
    """The orders in batches of one seller each, in the order of the seller's id."""
    found: list[Batch] = []
    for seller_id, group in groupby(sorted(orders, key=lambda order: order.seller_id), lambda order: order.seller_id):
        mine = list(group)
        found += [Batch(seller_id, at // BATCH, mine[at : at + BATCH]) for at in range(0, len(mine), BATCH)]
    return found


class Traffic:
    """One run's clients and what they send; everything that happens is written into the ledger."""

    def __init__(self, api: ApiClient, ledger: Ledger, *, run: str, lanes: int) -> None:
        self.accounts: dict[str, Account] = {}
        self.lanes = lanes
        self._api = api
        self._ledger = ledger
        self._run = run

    async def open_accounts(self, seller_ids: Iterable[str], phase: Phase) -> None:
        """Registers every seller and logs it in."""

        async def open_account(seller_id: str) -> None:
            account = Account(self._api, seller_id=seller_id, run=self._run)
            await account.open()
            self.accounts[seller_id] = account
            self._ledger.clients += 1
            phase.advance(1)

        await self.each(seller_ids, open_account, lanes=min(self.lanes, LANES_WHILE_HASHING))

    async def create_postings(self, orders: Iterable[Order], phase: Phase) -> None:
        """Creates the postings of every seller that has an account."""

        async def create(batch: Batch) -> None:
            answer = await self.accounts[batch.seller_id].call(
                "POST",
                "/postings/batch",
                key=f"{self._run}-posting-batch-{batch.number}",
                json={"postings": [posting(order) for order in batch.orders]},
            )
            created = answer.require(HTTPStatus.CREATED).read(Postings).postings
            if [seen.reference for seen in created] != [order.reference for order in batch.orders]:
                raise UnexpectedAnswerError(f"{answer.request}: the postings created are not those asked for")
            for seen, order in zip(created, batch.orders, strict=True):
                self._ledger.tracking_codes[order.seller_id, order.reference] = seen.tracking_code
            phase.advance(len(created))

        possible = [batch for batch in batches(orders) if batch.seller_id in self.accounts]
        await self.each(possible, create)

    async def send_updates(self, sends: Iterable[Update], phase: Phase) -> None:
        """Asks for every update whose posting was created, in this order."""

        async def send(update: Update) -> None:
            tracking_code = self._ledger.tracking_codes.get((update.seller_id, update.reference))
            if tracking_code is None:
                return
            fate = self._ledger.fates[update]
            fate.sent = True
            self._ledger.sends += 1
            answer = await self.accounts[update.seller_id].call(
                "PATCH", f"/postings/{tracking_code}/status", key=update.key(self._run), json=update.body()
            )
            self._ledger.answer_seconds.append(answer.seconds)
            if answer.status == HTTPStatus.CONFLICT and answer.problem.code in REFUSALS:
                fate.refuse(answer.problem.code)
            else:
                fate.accept(answer.require(HTTPStatus.ACCEPTED).read(UpdateSeen).id)
            phase.advance(1)

        await self.each(sends, send)

    async def each(self, items: Iterable[T], work: Callable[[T], Awaitable[None]], *, lanes: int | None = None) -> None:
        """Does the work; an item that fails is noted and the others go on, unless the API is gone altogether."""

        async def do(item: T) -> None:
            try:
                await work(item)
            except UnexpectedAnswerError as surprise:
                self._ledger.surprises[str(surprise)] += 1
            except NoAnswerError as silence:
                self._ledger.silences[str(silence)] += 1

        await for_each(items, lanes or self.lanes, do)
