"""Options of a replay that make no sense are refused before anything is sent."""

from typing import Any

import pytest

from app.replay.errors import ReplayError
from app.replay.options import ReplayOptions


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://127.0.0.1:8000/"},
        {"url": "https://api.example.com/postagens"},
        {"duplicate": 0.0},
        {"duplicate": 1.0},
        {"concurrency": 1},
        {"run": "night-3"},
    ],
)
def test_a_sensible_option_is_taken(options: dict[str, Any]) -> None:
    ReplayOptions(**options)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"url": "127.0.0.1:8000"}, "--url"),
        ({"url": "ftp://127.0.0.1"}, "--url"),
        ({"url": "http://user:word@127.0.0.1"}, "--url"),
        ({"duplicate": -0.1}, "--duplicate"),
        ({"duplicate": 1.1}, "--duplicate"),
        ({"duplicate": float("nan")}, "--duplicate"),
        ({"concurrency": 0}, "--concurrency"),
        ({"run": ""}, "--run"),
        ({"run": "Two words"}, "--run"),
        ({"run": "x" * 33}, "--run"),
    ],
)
def test_an_option_out_of_range_is_named(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ReplayError, match=complaint):
        ReplayOptions(**options)
