"""People who come while nothing can be looked up get a page, and programs a problem."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.embedded.server import Server
from tests.proxy import proxy_to
from tests.service import running_service
from tests.shop import Answer, Shop

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en"}


@pytest.fixture
async def visitor(database_url: str, valkey: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    """Somebody at a service that answers one request at a time, and whose PostgreSQL has fallen silent."""
    async with (
        proxy_to(database_url) as network,
        running_service(
            tmp_path,
            database_url=network.url,
            redis_url=valkey.url,
            workers=0,
            settings={"MAX_CONCURRENT_REQUESTS": "1"},
        ) as service,
        Shop(service.url) as shop,
    ):
        network.fall_silent()
        yield shop


async def test_a_person_gets_a_page_in_its_language_and_a_program_its_problem(visitor: Shop) -> None:
    async def ask(path: str, headers: dict[str, str]) -> Answer:
        answer = await visitor.send("GET", path, headers=headers)
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["X-Request-ID"]
        return answer

    # One waits for PostgreSQL in vain, and the other is turned away at the door.
    pages = await asyncio.gather(*(ask("//rastreio/EE876543216CA", BROWSER) for _ in range(2)))
    assert sorted(page.status for page in pages) == [429, 503]
    pages.append(await ask("//track/EE876543216CA", BROWSER))
    for page in pages:
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert page.headers["Cache-Control"] == "no-store"
    portuguese, _, english = [page.body.decode() for page in pages]
    assert "<h1>Não conseguimos responder agora</h1>" in portuguese
    assert "<h1>We cannot answer right now</h1>" in english
    assert (await ask("//track/EE876543216CA", {"Accept": "application/json"})).code == "service_unavailable"
    assert (await ask("/tracking/EE876543216CA", BROWSER)).code == "service_unavailable"
