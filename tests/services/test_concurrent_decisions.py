"""Two deciders at once, on random updates that keep coming: the database ends where the pure rule ends."""

import asyncio
import random
from typing import Final

import pytest

from app.services.decision_service import Decided
from tests.services.lives import EVENTS, SHIPPED, Update, life, play
from tests.services.queued import Postings

_POSTINGS: Final = range(3)
_UPDATES: Final = 75


async def _decide_until_done(postings: Postings, chance: random.Random, all_sent: asyncio.Event) -> Decided:
    """Decide random postings again and again; end when no more can come and nothing waits."""
    total = Decided()
    while True:
        last_round = all_sent.is_set()
        chosen = _POSTINGS if last_round else chance.sample(_POSTINGS, chance.randint(1, len(_POSTINGS)))
        bounds = {"most": chance.randint(1, 3)} if not last_round and chance.random() < 0.3 else {}
        decided = await postings.decide(*chosen, **bounds)
        total.applied += decided.applied
        total.refused += decided.refused
        if last_round and not decided.skipped:
            return total


@pytest.mark.parametrize("seed", range(6))
async def test_every_update_is_decided_exactly_once_and_as_the_rule_says(postings: Postings, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secrets here
    asked: dict[int, list[Update]] = {posting: [] for posting in _POSTINGS}
    all_sent = asyncio.Event()

    async def send() -> None:
        for _ in range(_UPDATES):
            posting = chance.choice(_POSTINGS)
            # Scans mostly: else every life would soon be over.
            update = Update(chance.choice(SHIPPED if chance.random() < 0.8 else EVENTS), timed=chance.random() < 0.6)
            asked[posting].append(update)
            await postings.ask(update, posting=posting)
        all_sent.set()

    async with asyncio.TaskGroup() as at_once:
        at_once.create_task(send())
        deciding = [
            at_once.create_task(_decide_until_done(postings, random.Random(f"{seed} {number}"), all_sent))  # noqa: S311
            for number in range(2)
        ]
    decided = [task.result() for task in deciding]

    outcomes = []
    for posting, updates in asked.items():
        lived = life()
        expected = play(lived, updates)
        assert await postings.outcomes(posting) == expected
        assert await postings.history(posting) == lived.steps
        stored = await postings.stored(posting)
        assert (stored["status"], stored["status_at"]) == (lived.last.status, lived.last.occurred_at)
        shipped_at = next((step.occurred_at for step in lived.steps if step.status == "shipped"), None)
        assert (stored["shipped_at"], stored["step_count"]) == (shipped_at, len(lived.steps))
        outcomes += expected
    applied = outcomes.count("applied")
    assert sum(each.applied for each in decided) == applied
    assert sum(each.refused for each in decided) == _UPDATES - applied
    assert len(set(await postings.applied_updates())) == applied
