"""Rows become an array for each column, and PostgreSQL makes the same rows of them again."""

from typing import Any

import pytest

from app.db.columns import columns_of
from tests.db.rows import Connection


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "a", None), (2, None, None), (3, "c", None)],
        [(1, None, 5), (2, "b", None)],
        [(1, None, None)],
    ],
)
async def test_what_stands_nowhere_is_null_everywhere(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    columns = columns_of(rows)
    assert [column is None for column in columns] == [
        all(value is None for value in each) for each in zip(*rows, strict=True)
    ]
    back = await connection.fetch("SELECT * FROM unnest($1::integer[], $2::text[], $3::integer[])", *columns)
    assert [tuple(row) for row in back] == rows
