"""Logs: what happens thousands of times a second is told once a second."""

import logging

import pytest

from app.core.logging import RareWarning
from tests.until import until


async def test_a_flood_of_warnings_becomes_one_line_now_and_one_with_the_count_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    warn = RareWarning(logging.getLogger("flood"), "it happened")
    for number in range(1_000):
        warn(number)
    assert [record.getMessage() for record in caplog.records] == ["it happened (1 times): 0"]

    async def counted() -> bool:
        return len(caplog.records) > 1

    await until("the rest is told", counted)
    assert caplog.records[1].getMessage() == "it happened (999 times): 999"
