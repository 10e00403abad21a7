"""Test postings and live ones in the database: no statement reads past the border between them, and no code is of both."""

import re
from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest

from app.db.database import Database
from app.models.clients import Caller
from app.models.postings import NewPosting
from app.services.errors import TrackingCodesExhausted
from app.services.freight import FreightRates
from app.services.posting_service import CODES_PER_PREFIX, FIRST_TEST_POSTING, PostingRules, create_postings
from tests.db.rows import CLIENT, Connection, insert
from tests.db.test_queries import STATEMENTS
from tests.shop import POSTING

_NEW: Final = NewPosting.model_validate(POSTING)
_LIVE: Final = Caller(id=CLIENT, role="client")
_TEST: Final = Caller(id=UUID(int=2), role="client", test=True)

# A client is of one world (an account, or its test client), so what is asked for by client is asked for by world.
_BY_CLIENT: Final = re.compile(
    r"\b(client_id|requested_by)\b[ )]*(= \$\d|= (asked\.)?owner|IN \(SELECT|, id\) > \(\$1)"
    r"|\brequested_by, status_updates\.client_id\)\) IN"
)
_LIVE_ALONE: Final = re.compile(r"\bNOT (\w+\.)?test\b")
# Whatever else reads postings or updates, and why it may know both worlds.
_OF_BOTH_WORLDS: Final = {
    "postings.SELECT_PUBLIC_STEPS": "anybody with a code sees its parcel, and whether it is a test",
    "postings.LOCK_POSTINGS": "decides by number",
    "status_updates.INSERT_STATUS_UPDATES": "writes what was found for the caller",
    "status_updates.INSERT_STATUS_UPDATES_AT_ONCE": "writes what was found for the caller",
    "status_updates.SELECT_QUEUED_UPDATES": "decides by number",
    "status_updates.UPDATE_DECIDED": "decides by number",
    "status_updates.UPDATE_ATTEMPTS": "decides by number",
    "status_updates.SWEEP_QUEUED_UPDATES": "decides by number",
    "status_updates.COUNT_QUEUED_UPDATES": "what the database can take is one for both",
    "status_updates.DELETE_OLD_STATUS_UPDATES": "deletes of both, when their time is over",
    "simulations.SELECT_DUE_SIMULATIONS": "there are simulations of test postings alone",
    "webhook_deliveries.CLAIM_DELIVERIES": "sends what is owed to an endpoint, which is of one client",
    "personal_data.ANONYMISE_POSTINGS": "takes personal data out of both, when its time is over",
}


def _reads_what_has_a_world(statement: str) -> bool:
    return re.search(r"\b(FROM|JOIN|UPDATE|INTO) (postings|status_updates)\b", statement) is not None


@pytest.mark.parametrize("name", [name for name, sql in STATEMENTS.items() if _reads_what_has_a_world(sql)])
def test_a_statement_is_of_one_client_or_of_the_live_world_alone_or_says_why_not(name: str) -> None:
    kept_apart = _BY_CLIENT.search(STATEMENTS[name]) or _LIVE_ALONE.search(STATEMENTS[name])
    assert bool(kept_apart) != (name in _OF_BOTH_WORLDS)


@pytest.mark.parametrize("name", STATEMENTS)
def test_who_may_see_all_sees_no_test_world(name: str) -> None:
    """An operator is told by an owner that is NULL."""
    sees_all = re.search(r"(owner|\$[12](::uuid)?) IS NULL(?! OR \w+ = \$)", STATEMENTS[name])
    if sees_all and _reads_what_has_a_world(STATEMENTS[name]) and not name.startswith("personal_data."):
        assert re.search(r"(owner|\$[12]::uuid) IS NULL AND NOT (\w+\.)?test\b", STATEMENTS[name])


def rules(live: str, test: str) -> PostingRules:
    return PostingRules((live,), FreightRates(per_kg=Decimal(2), per_cm3=Decimal(0)), (test,))


@pytest.fixture
async def at_work(connection: Connection) -> Connection:
    """A connection to the test's database, where there is a client with a test client."""
    await insert(connection, "clients", {})
    await insert(connection, "clients", {"id": _TEST.id, "email": "test-2@test.invalid"})
    await insert(connection, "test_clients", {})
    return connection


async def create(database: Database, caller: Caller, made_by: PostingRules, count: int = 1) -> list[str]:
    async with database.transaction() as transaction:
        created = await create_postings(transaction, made_by, caller, [_NEW] * count)
    return [posting.tracking_code for posting in created.postings]


async def test_each_world_has_numbers_of_its_own(database: Database, at_work: Connection) -> None:
    for caller in (_LIVE, _TEST, _LIVE, _TEST):
        await create(database, caller, rules("ZP", "ZT"), 3)
    rows = await at_work.fetch("SELECT id, test, client_id FROM postings ORDER BY id")
    assert [row["id"] for row in rows] == [*range(6), *range(FIRST_TEST_POSTING, FIRST_TEST_POSTING + 6)]
    assert [(row["test"], row["client_id"]) for row in rows] == [(False, CLIENT)] * 6 + [(True, _TEST.id)] * 6


@pytest.mark.usefixtures("at_work")
async def test_a_test_code_tells_nothing_of_the_live_one_with_the_same_number(database: Database) -> None:
    live, test = [await create(database, caller, rules("ZP", "ZT"), 20) for caller in (_LIVE, _TEST)]
    assert not {code[2:10] for code in live} & {code[2:10] for code in test}


async def test_a_prefix_that_the_other_world_has_used_gives_no_code(database: Database, at_work: Connection) -> None:
    await create(database, _LIVE, rules("ZP", "ZT"))
    await create(database, _TEST, rules("ZP", "ZT"))
    for caller in (_LIVE, _TEST):
        with pytest.raises(TrackingCodesExhausted):
            await create(database, caller, rules("ZT", "ZP"))
    prefixes = await at_work.fetch("SELECT DISTINCT test, left(tracking_code, 2) FROM postings ORDER BY 1")
    assert [tuple(row) for row in prefixes] == [(False, "ZP"), (True, "ZT")]
    assert len(await create(database, _LIVE, rules("ZP", "ZT"))) == 1


async def test_codes_of_the_test_world_end_as_loudly(
    database: Database, at_work: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await at_work.execute("SELECT setval('test_posting_numbers', $1, false)", FIRST_TEST_POSTING + CODES_PER_PREFIX - 1)
    assert len(await create(database, _TEST, rules("ZP", "ZT"))) == 1
    assert "100000000 of 100000000 tracking codes are used: add a prefix to TEST_TRACKING_CODE_PREFIXES" in caplog.text
    with pytest.raises(TrackingCodesExhausted):
        await create(database, _TEST, rules("ZP", "ZT"))
    assert len(await create(database, _LIVE, rules("ZP", "ZT"))) == 1


async def test_numbers_of_live_postings_are_never_a_test_s(at_work: Connection) -> None:
    assert await at_work.fetchval("SELECT last_value FROM test_posting_numbers") == FIRST_TEST_POSTING
    await insert(at_work, "postings", {"id": FIRST_TEST_POSTING - 1})
    assert await at_work.fetchval("SELECT test FROM postings") is False
