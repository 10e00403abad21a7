"""The garbage collector of the API process: seldom at work, and never off."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from app.embedded.server import Server
from tests.api.asgi import make_app


class Knot:
    """Holds itself: only the collector can free it."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


async def test_it_leaves_requests_under_way_alone_and_still_finds_what_is_in_a_cycle(
    database_url: str, valkey: Server
) -> None:
    app = make_app(database_url, valkey)
    async with app.router.lifespan_context(app):
        gc.collect()
        before = [generation["collections"] for generation in gc.get_stats()]
        under_way: list[list[object]] = [[] for _ in range(10_000)]
        assert [generation["collections"] for generation in gc.get_stats()] == before
        knot = weakref.ref(Knot())
        under_way.extend([] for _ in range(20_000))
        assert knot() is None
