"""`make bench-bytecodes` in small: what is asked most takes less of Python than a FastAPI route that does nothing."""

from pathlib import Path

from bench.bytecodes import measure


async def test_the_hot_routes_take_less_than_a_bare_one(tmp_path: Path) -> None:
    found = await measure(tmp_path, seconds=1, most=1)
    bare = found.pop("a bare FastAPI route")
    assert {kind: count for kind, count in found.items() if count > 0.9 * bare} == {}
