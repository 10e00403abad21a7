"""Databases for tests: copies of the migrated one, dropped afterwards."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


@asynccontextmanager
async def copied_database(migrated_url: str) -> AsyncIterator[str]:
    """Yield the URL of a fresh copy; whoever is still connected at the end is thrown out."""
    server, _, template = migrated_url.rpartition("/")
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield f"{server}/{name}"
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()
