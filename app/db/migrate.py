"""Applies db/migrations/*.sql: each once, in order, in its own transaction, under a lock, with its checksum.

The files have dbmate's format (`-- migrate:up`, `-- migrate:down`) and the table has dbmate's name, so an operator may use either. What
PostgreSQL does in no transaction (an index that is made while the table is written to) is a file of its own with one statement that may
be repeated, and `transaction:false` behind either mark.
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
_LOCK_PAUSE_SECONDS: Final = 0.1
_LOCK_TIMEOUT: Final = "300ms"
_ATTEMPTS: Final = 60
_PAUSE_SECONDS: Final = 0.7
_WITHOUT_TRANSACTION: Final = "transaction:false"

_CREATE_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (version varchar PRIMARY KEY);
ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS checksum text;
ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS applied_at timestamptz DEFAULT statement_timestamp();
"""

# What is left of an index that was being made when its migration was broken off; nothing but one of its name in the migration's text.
_SELECT_UNFINISHED: Final = """
SELECT indexrelid::regclass::text AS name
  FROM pg_index
  JOIN pg_class ON pg_class.oid = indexrelid
 WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace AND position(relname IN $1) > 0
"""
_INSERT: Final = "INSERT INTO schema_migrations (version, checksum) VALUES ($1, $2)"


class MigrationError(Exception):
    """The database and the migrations of this release do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its version (the digits its name begins with), its name, what it does, and whether that is done in a transaction."""

    version: str
    name: str
    up: str
    checksum: str
    in_transaction: bool = True


@cache
def read_migrations() -> tuple[Migration, ...]:
    """All migrations of this release, oldest first; read once, since readiness asks for them again and again."""
    folder = files("app.db").joinpath("migrations")
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".sql")}
    return tuple(_parse(name, text) for name, text in sorted(texts.items()))


def _parse(name: str, text: str) -> Migration:
    options, _, up = text.partition("-- migrate:up")[2].partition("-- migrate:down")[0].partition("\n")
    if not up.strip():
        raise MigrationError(f"{name} has no '-- migrate:up' part.")
    return Migration(
        version=name.partition("_")[0],
        name=name,
        up=up,
        checksum=hashlib.sha256(text.encode()).hexdigest(),
        in_transaction=_WITHOUT_TRANSACTION not in options,
    )


async def migrate(database_url: str) -> list[str]:
    """Bring the database to this release and return the names of the migrations that were applied.

    Raises MigrationError when an applied migration is unknown here (an older release meets a newer database) or was edited.
    """
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await _lock(connection)
        await connection.execute(_CREATE_TABLE)
        return [await apply(connection, migration) for migration in await _pending(connection)]
    finally:
        await connection.close()


async def _lock(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Have the lock until the connection ends. Asked for again and again: whoever waits for it in PostgreSQL is a statement under way, and
    an index that is made concurrently waits for all of these."""
    while True:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            return
        await asyncio.sleep(_LOCK_PAUSE_SECONDS)


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
    for them for less than anybody does for an answer, stands back, and tries again; raises MigrationError when they were never free.
    Behind one without a transaction nobody waits."""
    if not migration.in_transaction:
        await _apply_without_transaction(connection, migration)
        return migration.name
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
        await connection.execute(_INSERT, migration.version, migration.checksum)


async def _apply_without_transaction(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    for unfinished in await connection.fetch(_SELECT_UNFINISHED, migration.up):
        await connection.execute(f"DROP INDEX CONCURRENTLY {unfinished['name']}")
    await connection.execute(migration.up)
    await connection.execute(_INSERT, migration.version, migration.checksum)
