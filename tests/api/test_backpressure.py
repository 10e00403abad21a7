"""Who is read next while there is too much to do, and when."""

import asyncio
from dataclasses import dataclass

import pytest

from app.api.admission import Admission
from app.api.backpressure import Backpressure
from tests.until import until


@dataclass(eq=False)
class Connection:
    """What the server has of a connection."""

    is_read: bool = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


@pytest.fixture
def full() -> Admission:
    """Two requests are under way, and there is no place for more."""
    admission = Admission(name="test", most=2, share_of_one=1, told="turned away")
    assert admission.enter(b"a") is None
    assert admission.enter(b"a") is None
    return admission


@pytest.fixture
def closing() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def held(full: Admission, closing: asyncio.Event) -> tuple[Backpressure, list[Connection]]:
    """Three connections that wait, in this order."""
    backpressure = Backpressure(full, closing)
    connections = [Connection() for _ in range(3)]
    for connection in connections:
        backpressure.hold(connection)
    return backpressure, connections


async def test_a_place_that_gets_free_is_for_whoever_has_waited_longest(
    full: Admission, held: tuple[Backpressure, list[Connection]]
) -> None:
    _, connections = held
    full.leave(b"a")
    await asyncio.sleep(0)
    assert [each.is_read for each in connections] == [True, False, False]
    full.leave(b"a")
    await asyncio.sleep(0)
    assert [each.is_read for each in connections] == [True, True, False]


async def test_a_request_that_only_waits_for_its_own_body_gives_no_place_away(
    full: Admission, held: tuple[Backpressure, list[Connection]]
) -> None:
    full.leave(b"a", answered=False)
    assert full.enter(b"a") is None
    await asyncio.sleep(0)
    assert not any(each.is_read for each in held[1])


async def test_the_place_of_one_who_says_nothing_goes_to_the_next(
    full: Admission, held: tuple[Backpressure, list[Connection]]
) -> None:
    _, connections = held
    full.leave(b"a")

    async def second_is_read() -> bool:
        return connections[1].is_read

    began = asyncio.get_running_loop().time()
    await until("the second is read", second_is_read)
    assert asyncio.get_running_loop().time() < began + 0.4


async def test_whoever_waits_is_read_within_the_second_though_no_place_gets_free(
    held: tuple[Backpressure, list[Connection]],
) -> None:
    backpressure, connections = held
    began = asyncio.get_running_loop().time()

    async def all_are_read() -> bool:
        return all(each.is_read for each in connections)

    await until("all are read", all_are_read)
    assert asyncio.get_running_loop().time() >= began + 0.4
    assert not backpressure.is_felt


async def test_everybody_is_read_when_the_process_is_told_to_stop(
    closing: asyncio.Event, held: tuple[Backpressure, list[Connection]]
) -> None:
    closing.set()
    began = asyncio.get_running_loop().time()

    async def all_are_read() -> bool:
        return all(each.is_read for each in held[1])

    await until("all are read", all_are_read)
    assert asyncio.get_running_loop().time() < began + 0.4
