"""What tests stand on: a real PostgreSQL, a real Valkey, a real uvicorn and a real worker, started once for the whole run."""

import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from app.db.connection import open_database
from app.db.database import Database
from app.db.migrate import migrate
from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from tests.databases import copied_database
from tests.proxy import proxy_to
from tests.service import Service, create_operator, running_service
from tests.shop import Shop

# What takes long begins first: two processes share the files, and whoever got the longest as the last would work on it alone.
_LONG = (
    "tests/chaos/",
    "tests/test_replay_of_real_orders.py",
    "tests/api/test_schema.py",
    "tests/workers/",
    "tests/embedded/",
    "tests/deploy/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put them in that order, and leave it as it is otherwise."""
    items.sort(
        key=lambda item: next((place for place, long in enumerate(_LONG) if item.nodeid.startswith(long)), len(_LONG))
    )


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_developer() -> None:
    """What is set in the developer's shell or `.env` must not reach the tests."""
    for name in ("DATABASE_URL", "REDIS_URL", "JWT_SECRET", "WEBHOOK_SECRET_KEYS", "HOST", "PORT"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> None:
    """A job in the background of a shell ignores these, and so would every program that the tests start and stop."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL of our own; it may forget at a power cut, so that tests are quick."""
    with start_postgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey of our own."""
    with start_valkey(tmp_path_factory.mktemp("valkey"), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
async def migrated_url(postgres: PostgresServer) -> str:
    """The database that all others are copies of: migrated, and empty."""
    await migrate(postgres.url)
    return postgres.url


@pytest.fixture
async def database_url(migrated_url: str) -> AsyncIterator[str]:
    """A database for one test alone."""
    async with copied_database(migrated_url) as url:
        yield url


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of its own, for SQL that the application would never send."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The application's own door to the test's database."""
    async with open_database(database_url, pool_size=10, acquire_seconds=5, statement_seconds=10) as opened:
        yield opened


@pytest.fixture(scope="session")
async def service(
    migrated_url: str, valkey: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """An API and a worker that tests share: they keep apart by being different clients."""
    async with (
        copied_database(migrated_url) as url,
        running_service(tmp_path_factory.mktemp("service"), database_url=url, redis_url=valkey.url) as running,
    ):
        yield running


@pytest.fixture
async def anonymous(service: Service) -> AsyncIterator[Shop]:
    """A caller without an account."""
    async with Shop(service.url) as shop:
        yield shop


@pytest.fixture
async def shop(anonymous: Shop) -> Shop:
    """A registered client that is signed in."""
    await anonymous.register()
    return anonymous


@pytest.fixture
async def sandbox(service: Service, shop: Shop) -> AsyncIterator[Shop]:
    """The same client in its test world: a program with a test key of it."""
    async with Shop(service.url) as opened:
        await opened.use_key_of(shop, mode="test")
        yield opened


@pytest.fixture
async def other_shop(service: Service) -> AsyncIterator[Shop]:
    """Another client."""
    async with Shop(service.url) as other:
        await other.register()
        yield other


@pytest.fixture(scope="session")
async def operator_email(service: Service) -> str:
    """Of an operator, made by the command line."""
    email = f"operador-{uuid.uuid4().hex}@postagens.example"
    await create_operator(service, email)
    return email


@pytest.fixture
async def operator(service: Service, operator_email: str) -> AsyncIterator[Shop]:
    """The operator, who has signed in anew."""
    async with Shop(service.url) as shop:
        shop.email = operator_email
        await shop.sign_in()
        yield shop


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
