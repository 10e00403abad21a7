"""Work in the background ends with the block that it belongs to."""

import asyncio

from app.core.background import running


async def test_work_ends_although_it_was_deaf_when_it_was_told_so_first() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(10):
        async with running(work(), "deaf"):
            await began.wait()
        assert ended.is_set()
