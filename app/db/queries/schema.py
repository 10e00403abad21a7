"""SQL on the schema itself."""

from typing import Final, LiteralString

SELECT_APPLIED_MIGRATIONS: Final[LiteralString] = """
SELECT version FROM schema_migrations
"""
