"""One database with a known client and posting, in which every test leaves nothing behind."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.databases import copied_database
from tests.db.rows import Connection, add_known_rows


@pytest.fixture(scope="session")
async def _known_database(migrated_url: str) -> AsyncIterator[Connection]:
    async with copied_database(migrated_url) as url:
        opened = await asyncpg.connect(url)
        await add_known_rows(opened)
        yield opened
        await opened.close()


@pytest.fixture
async def known(_known_database: Connection) -> AsyncIterator[Connection]:
    """A connection in a transaction that is rolled back: beside a client and a posting there is nothing."""
    transaction = _known_database.transaction()
    await transaction.start()
    yield _known_database
    await transaction.rollback()


@pytest.fixture
async def empty_url(migrated_url: str) -> AsyncIterator[str]:
    """A database without any table."""
    async with copied_database(f"{migrated_url.rpartition('/')[0]}/template1") as url:
        yield url
