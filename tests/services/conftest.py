"""What the services' tests stand on."""

import pytest

from app.db.database import Database
from tests.db.rows import Connection
from tests.services.queued import Postings


@pytest.fixture
async def postings(database: Database, connection: Connection) -> Postings:
    """A client with three pending postings."""
    made = Postings(database, connection)
    await made.create(3)
    return made
