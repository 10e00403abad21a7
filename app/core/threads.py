"""Threads for work that would keep all other requests waiting: so many of them, and so much work that waits for them, and no more."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class ThreadsBusy(Exception):
    """As much work waits for the threads as may."""


class BoundedThreads:
    """A few threads with one kind of work."""

    def __init__(self, threads: int, *, name: str, most_waiting: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most_waiting = most_waiting
        self._waiting = 0

    @contextmanager
    def place_for(self, pieces: int) -> Iterator[None]:
        """A place for work of so many pieces, until it is done; raises ThreadsBusy, before any work, when too much waits already."""
        if self._waiting + pieces > self._most_waiting:
            raise ThreadsBusy
        self._waiting += pieces
        try:
            yield
        finally:
            self._waiting -= pieces

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Do the work in a thread; whoever has no place for it yet has to ask for one."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def close(self) -> None:
        """End the threads; what waits for them is cancelled."""
        self._threads.shutdown(wait=False, cancel_futures=True)
