"""What `make bench-growth` fills is what the service would have written."""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from app.core.tracking_code import is_tracking_code
from app.db.database import Database
from app.models.clients import Caller
from app.models.postings import NewPosting
from app.services import posting_service
from app.services.freight import FreightRates
from app.services.posting_service import PostingRules
from bench.growth_fill import fill_postings
from tests.db.rows import CLIENT, insert

if TYPE_CHECKING:
    from tests.db.rows import Connection

_RULES: Final = PostingRules(
    tracking_code_prefixes=("ZP",), freight_rates=FreightRates(per_kg=Decimal(2), per_cm3=Decimal(0))
)
_CONSTRAINTS: Final = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint ORDER BY 1, 2
"""
_INDEXES: Final = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


async def test_it_leaves_every_constraint_and_index_as_it_was(connection: "Connection", database_url: str) -> None:
    before = [await connection.fetch(each) for each in (_CONSTRAINTS, _INDEXES)]
    await fill_postings(database_url, connection, until=1_000, fresh=100)
    assert [await connection.fetch(each) for each in (_CONSTRAINTS, _INDEXES)] == before


async def test_histories_updates_and_postings_agree(connection: "Connection", database_url: str) -> None:
    for size in (1_000, 2_000):  # it goes on where it was
        await fill_postings(database_url, connection, until=size, fresh=100)
    assert await connection.fetchval("SELECT count(*) FROM postings") == 2_000
    assert await connection.fetchval("SELECT count(*) FROM postings WHERE id >= 1900 AND status = 'pending'") == 100
    wrong = await connection.fetchval(
        """
        SELECT count(*)
          FROM postings
          LEFT JOIN (SELECT posting_id, (array_agg(status ORDER BY seq DESC))[1] AS status, max(occurred_at) AS status_at,
                            count(*) AS step_count
                       FROM status_history GROUP BY posting_id) AS lived ON posting_id = id
         WHERE (postings.status, postings.status_at, postings.step_count)
               IS DISTINCT FROM (lived.status, lived.status_at, lived.step_count::smallint)
        """
    )
    assert wrong == 0
    assert await connection.fetchval("SELECT count(*) FROM status_history WHERE seq > 1") == await connection.fetchval(
        "SELECT count(*) FROM status_updates JOIN status_history ON update_id = status_updates.id"
    )


async def test_its_codes_are_those_that_the_service_would_give(
    connection: "Connection", database: Database, database_url: str
) -> None:
    await insert(connection, "clients", {})
    sample = NewPosting.model_validate({**NewPosting.example, "reference": None})
    async with database.transaction() as transaction:
        caller = Caller(id=CLIENT, role="client")
        given = await posting_service.create_postings(transaction, _RULES, caller, [sample] * 50)
    await connection.execute("ALTER TABLE status_history DISABLE TRIGGER status_history_append_only")
    await connection.execute("DELETE FROM status_history; DELETE FROM postings")
    await fill_postings(database_url, connection, until=50, fresh=10)
    filled = [row["tracking_code"] for row in await connection.fetch("SELECT tracking_code FROM postings ORDER BY id")]
    assert filled == [posting.tracking_code for posting in given.postings]
    assert all(is_tracking_code(code) for code in filled)
