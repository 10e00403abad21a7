"""Work that goes on in the background for as long as a block runs."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

# redis-py may swallow a cancellation while it connects: then it goes on as if nothing had been said.
_AGAIN_SECONDS: Final = 0.1


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run the work, which has no end of its own, until the block ends."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=_AGAIN_SECONDS)
        with suppress(asyncio.CancelledError):
            await task
