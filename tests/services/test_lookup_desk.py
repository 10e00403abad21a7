"""The lookup desk: readers who wait share a query, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

import pytest

from app.db.database import Database, DatabaseUnavailable, Row
from app.models.clients import Caller
from app.services import posting_service, tracking_service
from app.services.errors import Overloaded, PostingNotFound, TrackingNotFound
from app.services.lookup_desk import LookupDesk
from app.services.posting_service import OwnedDesk, find_owned_postings
from app.services.tracking_service import PublicDesk, find_public_steps
from tests.db.rows import CLIENT, Connection
from tests.services.lives import Update, event
from tests.services.queued import Postings
from tests.until import until

UNKNOWN: Final = "EE876543216CA"
STRANGER: Final = UUID(int=77)


@pytest.fixture
async def codes(postings: Postings) -> list[str]:
    """The tracking codes of the three postings."""
    rows = await postings.database.reader.fetch("SELECT tracking_code FROM postings ORDER BY id")
    return [row["tracking_code"] for row in rows]


class Rounds:
    """Looks up as the service does, and remembers what was asked for together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked: list[list[str]] = []

    async def look_up(self, codes: Sequence[str]) -> dict[str, list[Row]]:
        """One round."""
        self.asked.append(list(codes))
        return await find_public_steps(self._database.reader, codes)


@pytest.fixture
def rounds(postings: Postings) -> Rounds:
    return Rounds(postings.database)


@pytest.fixture
async def desk(rounds: Rounds) -> AsyncIterator[PublicDesk]:
    opened = LookupDesk(rounds.look_up)
    yield opened
    await opened.close()


@pytest.fixture
async def owned_desk(postings: Postings) -> AsyncIterator[OwnedDesk]:
    opened = LookupDesk(partial(find_owned_postings, postings.database.reader))
    yield opened
    await opened.close()


@pytest.fixture
async def held_up(connection: Connection, desk: PublicDesk, codes: list[str]) -> Callable[[], Awaitable[None]]:
    """A round is under way, and ends when this is called: until then nobody can read a step."""
    lock = connection.transaction()
    await lock.start()
    await connection.execute("LOCK TABLE status_history IN ACCESS EXCLUSIVE MODE")
    first = asyncio.create_task(desk.find(codes[0]))

    async def waits() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    await until("the first round waits", waits)

    async def let_go() -> None:
        await lock.commit()
        await first

    return let_go


async def test_readers_who_arrive_during_a_round_share_the_next(
    desk: PublicDesk, rounds: Rounds, held_up: Callable[[], Awaitable[None]], codes: list[str]
) -> None:
    keys = [*codes, UNKNOWN, *codes]
    together = [asyncio.create_task(tracking_service.track(desk, code)) for code in keys]
    await asyncio.sleep(0)
    await held_up()
    answers = await asyncio.gather(*together, return_exceptions=True)
    assert rounds.asked == [[codes[0]], [*codes, UNKNOWN]]
    assert isinstance(answers.pop(len(codes)), TrackingNotFound)
    assert [getattr(answer, "tracking_code", answer) for answer in answers] == [*codes, *codes]


async def test_a_reader_sees_what_was_decided_before_it_came_also_while_an_older_round_is_under_way(
    postings: Postings, codes: list[str]
) -> None:
    it_has_read, it_may_end = asyncio.Event(), asyncio.Event()

    async def look_up_slowly(asked: Sequence[str]) -> dict[str, list[Row]]:
        found = await find_public_steps(postings.database.reader, asked)
        it_has_read.set()
        await it_may_end.wait()
        return found

    desk = LookupDesk(look_up_slowly)
    before = asyncio.create_task(tracking_service.track(desk, codes[0]))
    await it_has_read.wait()
    await postings.ask(Update(event("shipped", 1)))
    await postings.decide()
    after = asyncio.create_task(tracking_service.track(desk, codes[0]))
    await asyncio.sleep(0)
    it_may_end.set()
    assert (await before).status == "pending"
    seen = await after
    assert (seen.status, [step.status for step in seen.steps]) == ("shipped", ["pending", "shipped"])


async def test_a_reader_that_goes_away_harms_nobody_else(
    desk: PublicDesk, held_up: Callable[[], Awaitable[None]], codes: list[str]
) -> None:
    staying, leaving = [asyncio.create_task(tracking_service.track(desk, codes[1])) for _ in range(2)]
    await asyncio.sleep(0)
    leaving.cancel()
    await held_up()
    assert (await staying).tracking_code == codes[1]
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_an_error_is_told_to_everybody_in_its_round_and_the_next_round_goes_on(
    desk: PublicDesk, connection: Connection, codes: list[str]
) -> None:
    await connection.execute("ALTER TABLE status_history RENAME TO gone")
    answers = await asyncio.gather(*(desk.find(code) for code in codes), return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 3
    await connection.execute("ALTER TABLE gone RENAME TO status_history")
    assert await desk.find(codes[0])


async def test_more_than_can_wait_is_turned_away_and_the_others_are_answered_in_rounds(
    desk: PublicDesk, rounds: Rounds, held_up: Callable[[], Awaitable[None]]
) -> None:
    waiting = [asyncio.create_task(desk.find(str(number))) for number in range(2_001)]
    await asyncio.sleep(0)
    await held_up()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None)] * 2_000 + [Overloaded]
    assert [len(asked) for asked in rounds.asked] == [1] + [100] * 20


async def test_nobody_is_left_waiting_when_the_desk_is_closed(
    desk: PublicDesk, held_up: Callable[[], Awaitable[None]], codes: list[str]
) -> None:
    waiting = asyncio.create_task(desk.find(codes[1]))
    await asyncio.sleep(0)
    await desk.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(asyncio.CancelledError):
        await held_up()


async def test_a_strangers_posting_is_missing_also_in_the_round_in_which_its_owner_finds_it(
    owned_desk: OwnedDesk, codes: list[str]
) -> None:
    owner, stranger = Caller(id=CLIENT, role="client"), Caller(id=STRANGER, role="client")
    operator = Caller(id=STRANGER, role="operator")
    asked = [(caller, code) for code in (*codes, UNKNOWN) for caller in (stranger, owner, operator)]
    answers = await asyncio.gather(
        *(posting_service.get_posting(owned_desk, caller, code) for caller, code in asked), return_exceptions=True
    )
    for (caller, code), answer in zip(asked, answers, strict=True):
        if caller is stranger or code == UNKNOWN:
            assert isinstance(answer, PostingNotFound)
        else:
            assert not isinstance(answer, BaseException)
            assert answer.tracking_code == code
