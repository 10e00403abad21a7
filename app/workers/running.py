"""How every worker runs: until the process is told to stop, and through the times in which a server is away."""

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from app.core.collector import calm_collector

_SHARE_OF_WORK: Final = 0.8
_SHORTEST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


class Worker(Protocol):
    """Loops that end, soon, after stop() was called."""

    async def run(self) -> None:
        """Run until stop() is called."""
        ...

    def stop(self) -> None:
        """Ask the loops to end after what they have in hand."""


async def run_until_stopped(worker: Worker, *, stop_seconds: float, left_over: str) -> None:
    """Run until SIGTERM or SIGINT; what is in hand is finished within `stop_seconds`. `left_over` says what becomes of it otherwise."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    calm_collector()
    running = asyncio.create_task(worker.run(), name="worker")
    waiting = asyncio.create_task(stopping.wait(), name="stop signal")
    _log.info("worker started")
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    worker.stop()
    waiting.cancel()
    try:
        # A part of the time is for the connections, which may have nobody at their other end either.
        await asyncio.wait_for(running, stop_seconds * _SHARE_OF_WORK)
    except TimeoutError:
        _log.warning("the worker did not finish within %g s; %s", stop_seconds, left_over)


async def keep_calling(
    work: Callable[[], Awaitable[float]], stopping: asyncio.Event, *, passing: tuple[type[Exception], ...]
) -> None:
    """Call the work again and again until `stopping` is set; it returns for how many seconds to pause.

    What is `passing` is waited out: this is the one place where a lost connection is met.
    """
    failures = 0
    while not stopping.is_set():
        try:
            pause = await work()
            failures = 0
        except passing as error:
            failures += 1
            pause = min(_LONGEST_PAUSE_SECONDS, _SHORTEST_PAUSE_SECONDS * 2**failures) * random.uniform(0.5, 1)  # noqa: S311
            level = logging.WARNING if failures == 1 else logging.DEBUG
            _log.log(level, "pausing, then trying again: %s: %s", type(error).__name__, error)
        if pause > 0:
            await _pause_unless(stopping, pause)


async def _pause_unless(stopping: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stopping` is set."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
