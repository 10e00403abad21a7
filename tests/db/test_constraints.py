"""No constraint is there without a test that runs into it, and no column that must have a value goes without."""

from typing import Final

import asyncpg
import pytest

from tests.db import (
    test_constraints_of_api_keys,
    test_constraints_of_audit_log,
    test_constraints_of_clients,
    test_constraints_of_postings,
    test_constraints_of_sessions,
    test_constraints_of_status_history,
    test_constraints_of_status_updates,
    test_constraints_of_test_worlds,
    test_constraints_of_webhooks,
)
from tests.db.rows import ANOTHER, VALID, Connection, Refused, assert_refused, insert

KEY: Final = (
    Refused("tracking_code_key_pkey", "a second key", "tracking_code_key", {}),
    Refused("tracking_code_key_single", "a second key under a false name", "tracking_code_key", {"singleton": False}),
)
REFUSED: Final = (
    *test_constraints_of_api_keys.REFUSED,
    *test_constraints_of_clients.REFUSED,
    *test_constraints_of_postings.REFUSED,
    *test_constraints_of_sessions.REFUSED,
    *test_constraints_of_status_updates.REFUSED,
    *test_constraints_of_status_history.REFUSED,
    *test_constraints_of_test_worlds.REFUSED,
    *test_constraints_of_audit_log.REFUSED,
    *test_constraints_of_webhooks.REFUSED,
    *KEY,
)


@pytest.mark.parametrize("case", KEY, ids=str)
async def test_no_deployment_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)


async def test_every_constraint_is_tried_by_a_test(known: Connection) -> None:
    rows = await known.fetch(
        """
        SELECT conname FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'p', 'x')
           AND conrelid <> 'schema_migrations'::regclass
        """
    )
    assert {case.constraint for case in REFUSED} == {row["conname"] for row in rows}


async def test_every_table_is_tried_by_a_test(known: Connection) -> None:
    rows = await known.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row["tablename"] for row in rows} - {"schema_migrations"} == set(VALID)


async def test_a_column_that_must_have_a_value_cannot_go_without(known: Connection) -> None:
    rows = await known.fetch(
        """
        SELECT attrelid::regclass::text AS "table", attname AS "column" FROM pg_attribute
         WHERE attrelid::regclass::text = ANY ($1::text[]) AND attnum > 0 AND attnotnull AND attidentity = ''
        """,
        list(VALID),
    )
    for table, column in rows:
        try:
            async with known.transaction():
                await insert(known, table, {**ANOTHER.get(table, {}), column: None})
        except asyncpg.NotNullViolationError as error:
            assert (error.table_name, error.column_name) == (table, column)  # noqa: PT017 - one of many
        else:
            raise AssertionError(f"{table}.{column} was left without a value")
