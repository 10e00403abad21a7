"""Traffic that a disaster falls upon: chains of scans, each sent until it is accepted, and what must be true of them at the end."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import asyncpg

from tests.shop import Answer, Shop
from tests.until import until

PATIENCE = 30


async def insist(shop: Shop, code: str, description: str) -> Answer:
    """Ask for a scan until it is answered with 202, each time with the same key; nothing else than 503 may come before."""

    async def accepted() -> Answer | None:
        try:
            answer = await shop.update(code, "shipped", key=f"{code} {description}", description=description)
            if answer.status == 401:  # the token's time has passed, by the clock of the moment
                await _sign_in_again(shop)
                return None
        except aiohttp.ClientError:
            return None
        assert answer.status in (202, 503), answer.body
        return answer if answer.status == 202 else None

    return await until(f"{description} is accepted", accepted, PATIENCE)


async def _sign_in_again(shop: Shop) -> None:
    answer = await shop.ask_for_tokens()
    assert answer.status in (200, 503), answer.body
    if answer.status == 200:
        shop.use(answer.json)


async def chain(shop: Shop, code: str, length: int, accepted: list[str]) -> None:
    """Scans of one posting, each sent after the one before was accepted; their ids are noted in `accepted`."""
    for number in range(length):
        answer = await insist(shop, code, f"scan {number}")
        accepted.append(answer.json["id"])


async def assert_applied_once_and_in_order(shop: Shop, code: str, length: int) -> None:
    """The chain is the posting's history: nothing is missing, twice, or in another order."""

    async def complete() -> bool:
        return len(await shop.history(code)) > length

    await until(f"{length} scans of {code} are applied", complete, PATIENCE)
    steps = await shop.history(code)
    assert [step["description"] for step in steps[1:]] == [f"scan {number}" for number in range(length)]
    assert [step["occurred_at"] for step in steps] == sorted(step["occurred_at"] for step in steps)
    assert sorted(step["seq"] for step in steps) == list(range(1, length + 2))


async def lost(database_url: str, accepted: Sequence[str]) -> set[str]:
    """Updates that were answered with 202 and that the database does not know."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT id::text FROM status_updates WHERE id = ANY ($1::uuid[])", accepted)
    finally:
        await connection.close()
    return set(accepted) - {row["id"] for row in rows}


async def several(asking: asyncio.Future[Any], accepted: list[str], count: int) -> None:
    """Wait until so many have been accepted; raises what stopped whoever asks."""

    async def enough() -> bool:
        if asking.done():
            asking.result()
        return len(accepted) >= count

    await until(f"{count} updates are accepted", enough, PATIENCE)
