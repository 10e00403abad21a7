"""What the embedded Valkey keeps, and what it does with a file that it cannot read."""

from pathlib import Path

from redis.asyncio import Redis

from app.embedded.valkey import start_valkey
from tests.embedded.memory import recall, remember


async def test_one_that_is_not_durable_writes_nothing(tmp_path: Path) -> None:
    with start_valkey(tmp_path, durable=False) as server:
        await remember(server.url, "parcel")

    assert not list((tmp_path / "data").iterdir())


async def test_an_unreadable_file_is_set_aside_and_does_not_stand_in_the_way(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as server:
        await remember(server.url, "parcel")
    [journal] = (tmp_path / "data").rglob("*.incr.aof")
    journal.write_bytes(journal.read_bytes() + bytes(100))

    with start_valkey(tmp_path) as server:
        assert await recall(server.url) is None
        await remember(server.url, "another parcel")
    assert list((tmp_path / "data.damaged").rglob("*.incr.aof"))

    with start_valkey(tmp_path) as server:
        assert await recall(server.url) == "another parcel"


async def test_settings_of_the_caller_come_on_top(tmp_path: Path) -> None:
    with start_valkey(tmp_path, settings={"appendfsync": "always", "maxmemory": "8mb"}) as server:
        async with Redis.from_url(server.url, decode_responses=True) as client:
            found = await client.config_get("appendonly", "appendfsync", "maxmemory")
    assert found == {"appendonly": "yes", "appendfsync": "always", "maxmemory": "8388608"}
