"""Pages of status updates: each filter, for a client and for an operator, whatever became of an update."""

from typing import Final
from uuid import UUID

import pytest

from app.db.database import Database
from app.models.clients import Caller
from app.models.status_updates import StatusUpdateQuery
from app.services.status_service import list_status_updates
from tests.db.rows import CLIENT
from tests.services.lives import Update, event
from tests.services.queued import Postings

SHIPPED: Final = Update(event("shipped", 1))
CANCELLED: Final = Update(event("cancelled", 2))
DELIVERED: Final = Update(event("delivered", 3))
OWNER: Final = Caller(id=CLIENT, role="client")
OPERATOR: Final = Caller(id=UUID(int=9), role="operator")
STRANGER: Final = Caller(id=UUID(int=8), role="client")
CODE: Final = "ZP000000005BR"
"""Of the posting 0."""


@pytest.fixture
async def asked(postings: Postings) -> dict[str, UUID]:
    """Of posting 0 one applied, one refused and one queued; of posting 1 one queued."""
    applied, refused = await postings.ask(SHIPPED, CANCELLED)
    await postings.decide()
    (queued,) = await postings.ask(DELIVERED)
    (other,) = await postings.ask(SHIPPED, posting=1)
    return {"applied": applied, "refused": refused, "queued": queued, "other": other}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["other", "queued", "refused", "applied"]),
        ({"state": "queued"}, ["other", "queued"]),
        ({"state": "applied"}, ["applied"]),
        ({"state": "refused"}, ["refused"]),
        ({"refusal": "illegal_transition"}, ["refused"]),
        ({"refusal": "out_of_sequence"}, []),
        ({"refusal": "illegal_transition", "state": "queued"}, []),
        ({"tracking_code": CODE}, ["queued", "refused", "applied"]),
        ({"tracking_code": CODE, "state": "queued"}, ["queued"]),
        ({"tracking_code": CODE, "refusal": "illegal_transition"}, ["refused"]),
        ({"tracking_code": "ZP000000014BR", "state": "applied"}, []),
        ({"tracking_code": "nonsense"}, []),
    ],
    ids=str,
)
@pytest.mark.parametrize("caller", [OWNER, OPERATOR], ids=["owner", "operator"])
async def test_a_filter_leaves_what_it_says_the_newest_first(
    database: Database, asked: dict[str, UUID], caller: Caller, query: dict[str, str], found: list[str]
) -> None:
    page = await list_status_updates(database.reader, caller, StatusUpdateQuery.model_validate(query))
    assert [update.id for update in page.status_updates] == [asked[name] for name in found]


@pytest.mark.parametrize("query", [{}, {"state": "queued"}, {"state": "refused"}, {"tracking_code": CODE}], ids=str)
async def test_nobody_sees_another_client_s(database: Database, asked: dict[str, UUID], query: dict[str, str]) -> None:
    assert asked
    page = await list_status_updates(database.reader, STRANGER, StatusUpdateQuery.model_validate(query))
    assert not page.status_updates


@pytest.mark.parametrize("query", [{}, {"state": "queued"}, {"tracking_code": CODE}], ids=str)
async def test_pages_follow_each_other_without_a_hole(
    database: Database, asked: dict[str, UUID], query: dict[str, str]
) -> None:
    assert asked
    whole = await list_status_updates(database.reader, OPERATOR, StatusUpdateQuery.model_validate(query))
    turned: list[UUID] = []
    cursor = None
    while True:
        asked_for = StatusUpdateQuery.model_validate({**query, "limit": 1} | ({"cursor": cursor} if cursor else {}))
        page = await list_status_updates(database.reader, OPERATOR, asked_for)
        turned += [update.id for update in page.status_updates]
        if not (cursor := page.next_cursor):
            break
    assert turned == [update.id for update in whole.status_updates]
