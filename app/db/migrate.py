"""Applies db/migrations/*.sql: each once, in order, in its own transaction, under a lock, with its checksum.

The files have dbmate's format (`-- migrate:up`, `-- migrate:down`) and the table has dbmate's name, so an operator may use either.
"""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import asyncpg

# Any number does, as long as all releases use the same: one migrator at a time.
_LOCK: Final = 7_606_219
_LOCK_TIMEOUT: Final = "300ms"
_ATTEMPTS: Final = 60
_PAUSE_SECONDS: Final = 0.7

_CREATE_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (version varchar PRIMARY KEY);
ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS checksum text;
ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS applied_at timestamptz DEFAULT statement_timestamp();
"""


class MigrationError(Exception):
    """The database and the migrations of this release do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its version (the digits its name begins with), its name and its two parts."""

    version: str
    name: str
    up: str
    checksum: str


@cache
def read_migrations() -> tuple[Migration, ...]:
    """All migrations of this release, oldest first; read once, since readiness asks for them again and again."""
    folder = files("app.db").joinpath("migrations")
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".sql")}
    return tuple(_parse(name, text) for name, text in sorted(texts.items()))


def _parse(name: str, text: str) -> Migration:
    up = text.partition("-- migrate:up")[2].partition("-- migrate:down")[0]
    if not up.strip():
        raise MigrationError(f"{name} has no '-- migrate:up' part.")
    return Migration(
        version=name.partition("_")[0], name=name, up=up, checksum=hashlib.sha256(text.encode()).hexdigest()
    )


async def migrate(database_url: str) -> list[str]:
    """Bring the database to this release and return the names of the migrations that were applied.

    Raises MigrationError when an applied migration is unknown here (an older release meets a newer database) or was edited.
    """
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_CREATE_TABLE)
        return [await apply(connection, migration) for migration in await _pending(connection)]
    finally:
        await connection.close()


async def _pending(connection: "asyncpg.Connection[asyncpg.Record]") -> list[Migration]:
    applied = {row["version"]: row["checksum"] for row in await connection.fetch("SELECT * FROM schema_migrations")}
    known = {migration.version: migration for migration in read_migrations()}
    if unknown := sorted(applied.keys() - known.keys()):
        raise MigrationError(
            f"The database has migrations that this release does not know ({', '.join(unknown)}): it was migrated by a"
            " newer release. Run that release, or restore a backup from before it."
        )
    for version, checksum in applied.items():
        if checksum is not None and checksum != known[version].checksum:
            raise MigrationError(
                f"{known[version].name} was edited after it was applied. Restore the file and add a new migration."
            )
    return [migration for version, migration in known.items() if version not in applied]


async def apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> str:
    """Apply one migration and return its name. Whatever is asked of the service meanwhile waits behind it for its locks, so it waits
    for them for less than anybody does for an answer, stands back, and tries again; raises MigrationError when they were never free."""
    for _ in range(_ATTEMPTS):
        with suppress(asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await _apply_once(connection, migration)
            return migration.name
        await asyncio.sleep(_PAUSE_SECONDS)
    raise MigrationError(
        f"{migration.name} waits for a table that a long transaction holds. End that one (see pg_stat_activity), and migrate again."
    )


async def _apply_once(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        await connection.execute(migration.up)
        await connection.execute(
            "INSERT INTO schema_migrations (version, checksum) VALUES ($1, $2)", migration.version, migration.checksum
        )
