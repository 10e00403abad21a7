"""Pages of postings: filters, orders, cursors."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.shop import PARTY, Shop


async def page(shop: Shop, **query: Any) -> list[str]:
    """The references on a page."""
    answer = await shop.send("GET", f"/postings?{urlencode(query)}")
    assert answer.status == 200, answer.body
    return [posting["reference"] for posting in answer.json["postings"]]


@pytest.fixture
async def stocked(shop: Shop) -> Shop:
    """Three postings: a is the oldest record and was posted last."""
    manaus = {**PARTY, "name": "Bia Lima", "city": "Manaus", "uf": "AM", "cep": "69005-000"}
    await shop.create_posting(reference="a", posted_at="2026-03-03T12:00:00Z", recipient=manaus)
    await shop.create_posting(reference="b", posted_at="2026-03-01T12:00:00Z", description="Livros raros")
    await shop.create_posting(reference="c", posted_at="2026-03-02T12:00:00Z")
    return shop


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "cba"),
        ({"sort": "created_at"}, "abc"),
        ({"sort": "posted_at"}, "bca"),
        ({"sort": "-posted_at"}, "acb"),
        ({"status": "pending"}, "cba"),
        ({"status": "shipped"}, ""),
        ({"reference": "b"}, "b"),
        ({"posted_from": "2026-03-02T12:00:00Z"}, "ca"),
        ({"posted_to": "2026-03-02T12:00:00Z"}, "b"),
        ({"created_to": "2026-03-02T12:00:00Z"}, ""),
        ({"created_from": "2026-03-02T12:00:00Z"}, "cba"),
        ({"recipient_city": "manaus"}, "a"),
        ({"recipient_uf": "AM"}, "a"),
        ({"recipient_cep": "690"}, "a"),
        ({"stalled_for": "P3D"}, "cba"),
        ({"stalled_for": "P3650D"}, ""),
        ({"search": "raros"}, "b"),
        ({"search": "bia"}, "a"),
        ({"search": "%"}, ""),
    ],
)
async def test_a_page_shows_what_was_asked_for(stocked: Shop, query: dict[str, str], expected: str) -> None:
    assert "".join(await page(stocked, **query)) == expected


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "-posted_at", "posted_at"])
async def test_pages_of_one_are_the_whole_in_the_same_order(stocked: Shop, sort: str) -> None:
    whole = await page(stocked, sort=sort)
    found = []
    path = f"//api/v1/postings?sort={sort}&limit=1"
    while path:
        answer = await stocked.send("GET", path)
        found += [posting["reference"] for posting in answer.json["postings"]]
        link = answer.headers.get("Link", "")
        assert bool(link) == (answer.json["next_cursor"] is not None)
        path = "/" + link.partition("<")[2].partition(">")[0] if link else ""
    assert found == whole


@pytest.mark.parametrize(
    "query",
    ["cursor=AAAA", "cursor=WyJ4IiwxXQ", "limit=0", "limit=201", "limit=x", "sort=weight_g", "status=lost", "colour=red",
     "created_from=2026-01-01", "stalled_for=P99999D", "search=%00", "reference=", "recipient_uf=XX", "recipient_cep=12a"],
)  # fmt: skip
async def test_a_query_that_makes_no_sense_is_refused(shop: Shop, query: str) -> None:
    answer = await shop.send("GET", f"//api/v1/postings?{query}")
    assert answer.status in (400, 422)
    assert answer.code in ("validation_failed", "invalid_cursor")


async def test_a_cursor_of_another_order_is_refused(stocked: Shop) -> None:
    cursor = (await stocked.send("GET", "/postings?limit=1")).json["next_cursor"]
    assert (await stocked.send("GET", f"/postings?limit=1&sort=posted_at&cursor={cursor}")).code == "invalid_cursor"


async def test_an_empty_page_is_a_page(shop: Shop) -> None:
    assert (await shop.send("GET", "/postings")).json == {"postings": [], "next_cursor": None}
