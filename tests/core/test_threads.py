"""Work in threads: never more at once than there are threads, never more waiting than may."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from app.core.threads import BoundedThreads, ThreadsBusy


@pytest.fixture
def threads() -> Iterator[BoundedThreads]:
    made = BoundedThreads(2, name="work", most_waiting=5)
    yield made
    made.close()


async def test_as_many_pieces_are_worked_on_as_there_are_threads(threads: BoundedThreads) -> None:
    both = threading.Barrier(3)
    go_on = threading.Event()
    at_work: list[str] = []

    def work() -> str:
        at_work.append(threading.current_thread().name)
        both.wait(10)
        go_on.wait(10)
        return "done"

    first = [asyncio.create_task(threads.run(work)) for _ in range(2)]
    third = asyncio.create_task(threads.run(threading.current_thread))
    # Both threads are at work now, and the third piece has none.
    await asyncio.to_thread(both.wait, 10)
    assert not third.done()
    go_on.set()
    assert await asyncio.gather(*first) == ["done", "done"]
    assert (await third).name in at_work
    assert sorted(name.rpartition("_")[0] for name in at_work) == ["work", "work"]


async def test_what_has_no_place_is_refused_and_has_one_when_others_are_done(threads: BoundedThreads) -> None:
    with threads.place_for(3):
        with pytest.raises(ThreadsBusy), threads.place_for(3):
            raise AssertionError("there was a place for a sixth piece")
        with threads.place_for(2):
            pass
    with threads.place_for(5):
        pass


async def test_a_place_is_free_again_when_the_work_fails_or_is_given_up(threads: BoundedThreads) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), threads.place_for(5):
        await threads.run(fail)
    with pytest.raises(asyncio.CancelledError), threads.place_for(5):
        raise asyncio.CancelledError
    with threads.place_for(5):
        pass
