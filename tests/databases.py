"""Databases for tests: copies of the migrated one, dropped afterwards."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.until import until


@asynccontextmanager
async def copied_database(migrated_url: str) -> AsyncIterator[str]:
    """Yield the URL of a fresh copy; whoever is still connected at the end is thrown out."""
    server, _, template = migrated_url.rpartition("/")
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield f"{server}/{name}"

        async def dropped() -> bool:
            try:
                await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            except asyncpg.InsufficientPrivilegeError:  # autovacuum is at work in it, and does not obey the owner
                return False
            return True

        await until(f"{name} is dropped", dropped, timeout=30)
    finally:
        await connection.close()
