"""People who come while nothing can be looked up get a page, and programs a problem."""

import asyncio

from tests.shop import Answer, Shop

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en"}


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
