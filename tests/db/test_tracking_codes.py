"""Tracking codes as the database makes them: well-formed, unique, not to be walked, and never more than there are."""

import itertools
import logging
import statistics
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Final

import asyncpg
import pytest

from app.core.tracking_code import is_tracking_code
from app.db.database import Database
from app.db.migrate import migrate
from app.models.clients import Caller
from app.models.postings import NewPosting
from app.services.errors import ReferenceTaken, TrackingCodesExhausted
from app.services.freight import FreightRates
from app.services.posting_service import CODES_PER_PREFIX, PostingRules, create_postings, skip_tracking_codes
from tests.databases import copied_database
from tests.db.rows import CLIENT, Connection, insert
from tests.shop import POSTING

CALLER: Final = Caller(id=CLIENT, role="client")
NEW: Final = NewPosting.model_validate(POSTING)


def rules(*prefixes: str) -> PostingRules:
    return PostingRules(prefixes, FreightRates(per_kg=Decimal("2.50"), per_cm3=Decimal("0.001")))


async def create(database: Database, count: int, *prefixes: str) -> list[str]:
    """The codes of so many new postings, in the order asked for."""
    async with database.transaction() as transaction:
        created = await create_postings(transaction, rules(*prefixes or ("ZP",)), CALLER, [NEW] * count)
    return [posting.tracking_code for posting in created.postings]


@pytest.fixture
async def at_work(connection: Connection) -> Connection:
    """A connection to the test's database, where there is a client."""
    await insert(connection, "clients", {})
    return connection


async def skip_to(connection: Connection, number: int) -> None:
    """The next posting gets this number."""
    await connection.execute("SELECT setval('posting_numbers', $1, false)", number)


def serials(codes: Sequence[str]) -> list[int]:
    return [int(code[2:10]) for code in codes]


async def test_twenty_thousand_codes_are_well_formed_unique_and_stored(database: Database, at_work: Connection) -> None:
    codes = [code for _ in range(20) for code in await create(database, 1000)]
    assert all(is_tracking_code(code) and code.startswith("ZP") and code.endswith("BR") for code in codes)
    assert len(set(codes)) == 20_000
    stored = await at_work.fetch("SELECT tracking_code FROM postings ORDER BY id")
    assert [row["tracking_code"] for row in stored] == codes


async def test_every_code_can_be_turned_back_into_its_number(database: Database, at_work: Connection) -> None:
    """So no two numbers of a range can ever have the same code: what can be undone is a permutation."""
    for start in (0, 9_000, 12_345_000, CODES_PER_PREFIX - 1000, CODES_PER_PREFIX + 5000, 2 * CODES_PER_PREFIX - 2000):
        await skip_to(at_work, start)
        await create(database, 2000, "ZP", "ZQ")
    wrong = await at_work.fetch(_TURNED_BACK)
    assert wrong == []


# The four rounds of the network, undone from the last to the first.
_TURNED_BACK: Final = """
SELECT id, tracking_code
  FROM postings
 CROSS JOIN tracking_code_key AS key
 CROSS JOIN LATERAL (SELECT substr(tracking_code, 3, 4)::bigint AS l2, substr(tracking_code, 7, 4)::bigint AS r2,
                            CASE substr(tracking_code, 1, 2) WHEN 'ZP' THEN 0 ELSE 1 END AS range) AS halves
 CROSS JOIN LATERAL (SELECT (r2 - (hashint8extended(l2, round_4 # range) & 2147483647) % 10000 + 10000) % 10000 AS r1) AS fourth
 CROSS JOIN LATERAL (SELECT (l2 - (hashint8extended(r1, round_3 # range) & 2147483647) % 10000 + 10000) % 10000 AS l1) AS third
 CROSS JOIN LATERAL (SELECT (r1 - (hashint8extended(l1, round_2 # range) & 2147483647) % 10000 + 10000) % 10000 AS r0) AS second
 CROSS JOIN LATERAL (SELECT (l1 - (hashint8extended(r0, round_1 # range) & 2147483647) % 10000 + 10000) % 10000 AS l0) AS first
 WHERE id <> range * 100000000 + l0 * 10000 + r0
"""


async def test_the_next_code_cannot_be_told_from_the_last(database: Database, at_work: Connection) -> None:
    await skip_to(at_work, 0)
    numbers = serials(await create(database, 1000))
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    assert len(set(steps)) > 900
    assert statistics.median(map(abs, steps)) > 10_000_000


async def test_codes_are_spread_evenly_so_that_volume_cannot_be_read_off(
    database: Database, at_work: Connection
) -> None:
    await skip_to(at_work, 0)
    numbers = [number for _ in range(5) for number in serials(await create(database, 1000))]
    tenths = [sum(number // 10_000_000 == tenth for number in numbers) for tenth in range(10)]
    assert sum(tenths) == 5000
    # 500 in each are expected, with a standard deviation of 21.
    assert all(300 < count < 700 for count in tenths), tenths


async def test_two_deployments_give_different_codes(migrated_url: str) -> None:
    server = migrated_url.rpartition("/")[0]
    keys = []
    for _ in range(2):
        async with copied_database(f"{server}/template1") as url:
            await migrate(url)
            connection = await asyncpg.connect(url)
            keys.append(await connection.fetchrow("SELECT round_1, round_2, round_3, round_4 FROM tracking_code_key"))
            await connection.close()
    first, second = (tuple(key or ()) for key in keys)
    assert len({*first, *second}) == 8


async def test_a_full_prefix_is_followed_by_the_next(database: Database, at_work: Connection) -> None:
    await skip_to(at_work, CODES_PER_PREFIX - 2)
    codes = await create(database, 4, "ZP", "ZQ")
    assert [code[:2] for code in codes] == ["ZP", "ZP", "ZQ", "ZQ"]
    assert all(map(is_tracking_code, codes))


async def test_the_second_prefix_is_permuted_in_another_way(database: Database, at_work: Connection) -> None:
    await skip_to(at_work, 0)
    first = serials(await create(database, 100, "ZP", "ZQ"))
    await skip_to(at_work, CODES_PER_PREFIX)
    assert set(first).isdisjoint(serials(await create(database, 100, "ZP", "ZQ")))


async def test_a_prefix_that_is_added_later_changes_no_code(database: Database, at_work: Connection) -> None:
    rolled_back: list[list[str]] = []
    for prefixes in (("ZP",), ("ZP", "ZQ", "ZR")):
        await skip_to(at_work, 500)
        with suppress(_RolledBackError):
            async with database.transaction() as transaction:
                created = await create_postings(transaction, rules(*prefixes), CALLER, [NEW] * 3)
                rolled_back.append([posting.tracking_code for posting in created.postings])
                raise _RolledBackError
    assert rolled_back[0] == rolled_back[1]


class _RolledBackError(Exception):
    """Raised so that nothing is left."""


async def test_without_a_code_for_the_last_one_none_is_created(database: Database, at_work: Connection) -> None:
    await skip_to(at_work, CODES_PER_PREFIX - 2)
    with pytest.raises(TrackingCodesExhausted):
        await create(database, 3)
    assert await at_work.fetchval("SELECT count(*) FROM postings") == 0
    assert await at_work.fetchval("SELECT count(*) FROM status_history") == 0


async def test_the_very_last_code_is_given_and_then_no_more(database: Database, at_work: Connection) -> None:
    await skip_to(at_work, CODES_PER_PREFIX - 1)
    assert len(await create(database, 1)) == 1
    for _ in range(2):
        with pytest.raises(TrackingCodesExhausted):
            await create(database, 1)


async def test_a_taken_reference_is_not_mistaken_for_exhaustion(database: Database, at_work: Connection) -> None:
    asked = [NEW.model_copy(update={"reference": "pedido-1001"})]
    async with database.transaction() as transaction:
        await create_postings(transaction, rules("ZP"), CALLER, asked)
    with pytest.raises(ReferenceTaken, match="pedido-1001"):
        async with database.transaction() as transaction:
            await create_postings(transaction, rules("ZP"), CALLER, [NEW, *asked])
    assert await at_work.fetchval("SELECT count(*) FROM postings") == 1


async def test_a_code_of_a_creation_that_failed_is_never_given_again(database: Database, at_work: Connection) -> None:
    await skip_to(at_work, CODES_PER_PREFIX - 10)
    with pytest.raises(TrackingCodesExhausted):
        await create(database, 11)
    with pytest.raises(TrackingCodesExhausted):
        await create(database, 1)


@pytest.mark.parametrize("count", [1, 2, 500])
async def test_the_posting_that_takes_the_eightieth_of_a_hundred_codes_warns(
    database: Database, at_work: Connection, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    await skip_to(at_work, 80_000_000 - count)
    await create(database, count)
    assert caplog.messages == [
        "80000000 of 100000000 tracking codes are used: add a prefix to TRACKING_CODE_PREFIXES before they run out"
    ]
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.parametrize("number", [0, 9_999, 79_989_999, 80_000_000, 80_005_000])
async def test_most_postings_do_not_warn(
    database: Database, at_work: Connection, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    await skip_to(at_work, number)
    await create(database, 1)
    assert caplog.messages == []


async def test_the_warning_comes_again_every_ten_thousand_codes(
    database: Database, at_work: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await skip_to(at_work, 80_009_500)
    await create(database, 1000)
    assert caplog.messages
    assert caplog.messages[0].startswith("80010500 of 100000000")


async def test_another_prefix_ends_the_warning(
    database: Database, at_work: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await skip_to(at_work, 80_000_000 - 1)
    await create(database, 1, "ZP", "ZQ")
    assert caplog.messages == []


@pytest.mark.parametrize(
    "change",
    ["UPDATE tracking_code_key SET round_1 = 0", "DELETE FROM tracking_code_key", "TRUNCATE tracking_code_key"],
)
async def test_the_key_is_never_changed(connection: "asyncpg.Connection[asyncpg.Record]", change: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="tracking_code_key is never changed"):
        await connection.execute(change)


async def test_skipped_codes_are_never_given(database: Database, at_work: Connection) -> None:
    await create(database, 1)
    async with database.transaction() as transaction:
        assert await skip_tracking_codes(transaction, ["ZP"], 1000) == CODES_PER_PREFIX - 1001
    await create(database, 1)
    assert [row["id"] for row in await at_work.fetch("SELECT id FROM postings ORDER BY id")] == [0, 1001]


async def test_skipping_beyond_the_last_code_is_told(database: Database, connection: Connection) -> None:
    await skip_to(connection, CODES_PER_PREFIX - 10)
    with pytest.raises(TrackingCodesExhausted):
        async with database.transaction() as transaction:
            await skip_tracking_codes(transaction, ["ZP"], 1000)
    async with database.transaction() as transaction:
        assert await skip_tracking_codes(transaction, ["ZP", "ZQ"], 1000) > 0
