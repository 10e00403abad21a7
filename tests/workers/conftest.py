"""A service for each test that may be broken: its own database, its own Valkey, its own processes."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from tests.service import Service, create_operator, running_service
from tests.shop import Shop


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Server]:
    """A Valkey that may be killed."""
    with start_valkey(tmp_path / "valkey", durable=False) as server:
        yield server


@pytest.fixture
def settings() -> Mapping[str, str]:
    """What a file's own service is set to; nothing unless the file says otherwise."""
    return {}


@pytest.fixture
async def own_service(
    database_url: str, own_valkey: Server, tmp_path: Path, settings: Mapping[str, str]
) -> AsyncIterator[Service]:
    """An API; the test starts the workers."""
    service = running_service(
        tmp_path, database_url=database_url, redis_url=own_valkey.url, workers=0, settings=settings
    )
    async with service as running:
        yield running


@pytest.fixture
async def customer(own_service: Service) -> AsyncIterator[Shop]:
    """A client of that service."""
    async with Shop(own_service.url) as shop:
        await shop.register()
        yield shop


@pytest.fixture
async def operator_of_own(own_service: Service) -> AsyncIterator[Shop]:
    """An operator of that service."""
    async with Shop(own_service.url) as shop:
        await create_operator(own_service, shop.email)
        await shop.sign_in()
        yield shop
