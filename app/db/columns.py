"""Rows as PostgreSQL takes many of them in one statement: an array for each column, for `unnest`."""

from collections.abc import Iterable, Sequence


def columns_of(rows: Iterable[Sequence[object]]) -> list[list[object] | None]:
    """The columns of at least one row; None for one in which nothing stands, which `unnest` takes for as many NULLs as it needs.

    A NULL among an array's values costs asyncpg as much as a value, for it might have been an array.
    """
    return [
        None if column[0] is None and column.count(None) == len(column) else list(column)
        for column in zip(*rows, strict=True)
    ]
