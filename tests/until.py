"""Waiting in tests: until something holds, with a description of what, and never just for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_LOOK_AGAIN = 0.02


async def until(description: str, condition: Callable[[], Awaitable[T | None]], timeout: float = 10) -> T:  # noqa: ASYNC109
    """Wait until the condition, a coroutine function, gives something true, and return that.

    Fails with the description when `timeout` seconds are over; an exception of the condition is raised as it is.
    """
    give_up = time.monotonic() + timeout
    while not (value := await condition()):
        _still_time(description, give_up, timeout)
        await asyncio.sleep(_LOOK_AGAIN)
    return value


def until_blocking(description: str, condition: Callable[[], T], timeout: float = 10) -> T:
    """The same for tests that are not coroutines."""
    give_up = time.monotonic() + timeout
    while not (value := condition()):
        _still_time(description, give_up, timeout)
        time.sleep(_LOOK_AGAIN)
    return value


def _still_time(description: str, give_up: float, timeout: float) -> None:
    if time.monotonic() > give_up:
        raise AssertionError(f"Waited {timeout:g} s in vain until {description}.")
