"""The simulator through kill -9, beside others, and while there is too much to do: what it asks for is asked for once."""

from collections import Counter
from functools import partial

import asyncpg
import pytest

from app.services.refusals import REASONS
from app.services.scenarios import SCENARIOS
from tests.service import Service
from tests.shop import POSTING, Shop
from tests.until import until

_KILLS = 6
_EACH = 40
_LIVES = (
    "delivered",
    "returned",
    "cancelled",
    "already_recorded",
    "out_of_sequence",
    "illegal_transition",
    "internal_error",
)
# What is refused of each, and what is not.
_REFUSED = {scenario: int(scenario not in ("delivered", "returned", "cancelled")) for scenario in _LIVES}
_APPLIED = {
    scenario: sum(len(step) for step in SCENARIOS[scenario]) - refused for scenario, refused in _REFUSED.items()
}


async def create_lives(customer: Shop, service: Service) -> dict[str, str]:
    """Many test postings, and the scenario of each by its tracking code."""
    async with Shop(service.url) as sandbox:
        await sandbox.use_key_of(customer, mode="test")
        references = [f"test:{scenario}@1:{number}" for scenario in _LIVES for number in range(_EACH)]
        batch = {"postings": [{**POSTING, "reference": reference} for reference in references]}
        created = (await sandbox.send("POST", "/postings/batch", batch)).json["postings"]
        return {posting["tracking_code"]: posting["reference"][5:].partition("@")[0] for posting in created}


@pytest.mark.parametrize("workers", [1, 3])
async def test_killed_again_and_again_it_asks_for_everything_once(
    own_service: Service, customer: Shop, workers: int, database_url: str
) -> None:
    for _ in range(workers):
        own_service.start_worker()
    lives = await create_lives(customer, own_service)
    connection = await asyncpg.connect(database_url)

    async def asked_for(count: int) -> bool:
        return bool(await connection.fetchval("SELECT count(*) >= $1 FROM status_updates", count))

    async def all_is_over() -> bool:
        return not await connection.fetchval(
            "SELECT EXISTS (SELECT FROM simulations) OR EXISTS (SELECT FROM status_updates WHERE state = 'queued')"
        )

    total = sum((_APPLIED[scenario] + _REFUSED[scenario]) * _EACH for scenario in _LIVES)
    for kill in range(_KILLS):
        count = total * (kill + 1) // (_KILLS + 1)
        await until(f"{count} updates were asked for", partial(asked_for, count), timeout=60)
        own_service.kill_a_worker()
        own_service.start_worker()
    await until("every life is over", all_is_over, timeout=60)
    rows = await connection.fetch(
        """
        SELECT tracking_code, coalesce(refusal, 'applied') AS outcome, (SELECT count(*) FROM status_history WHERE posting_id = postings.id)
          FROM postings
          JOIN status_updates ON posting_id = postings.id
        """
    )
    await connection.close()
    outcomes = {code: Counter(row["outcome"] for row in rows if row["tracking_code"] == code) for code in lives}
    expected = {
        code: Counter({"applied": _APPLIED[scenario], **({scenario: 1} if _REFUSED[scenario] else {})})
        for code, scenario in lives.items()
    }
    assert outcomes == {code: +counts for code, counts in expected.items()}
    assert all(row["count"] == _APPLIED[lives[row["tracking_code"]]] + 1 for row in rows)


async def test_what_a_crash_makes_it_ask_for_again_is_the_same_update(
    own_service: Service, customer: Shop, database_url: str
) -> None:
    own_service.start_worker()
    connection = await asyncpg.connect(database_url)

    async def outcomes() -> dict[str, list[str]] | None:
        if await connection.fetchval("SELECT EXISTS (SELECT FROM simulations)"):
            return None
        rows = await connection.fetch(
            """
            SELECT tracking_code, coalesce(refusal, state) AS outcome
              FROM status_updates JOIN postings ON postings.id = posting_id ORDER BY seq
            """
        )
        found = {
            scenario: [row["outcome"] for row in rows if row["tracking_code"] == codes[scenario]] for scenario in codes
        }
        return None if any("queued" in each for each in found.values()) else found

    async with Shop(own_service.url) as sandbox:
        await sandbox.use_key_of(customer, mode="test")
        codes = {
            scenario: (await sandbox.create_posting(reference=f"test:{scenario}@0"))["tracking_code"]
            for scenario in (*_LIVES, "already_in_status", "history_full")
        }
    first = await until("all lives are over", outcomes, timeout=60)
    # As it stood before the first step was counted; everything it asks for has been asked for.
    await connection.execute(
        """
        INSERT INTO simulations (posting_id, scenario, pace_seconds, due_at)
        SELECT id, scenario, 0, now() FROM postings JOIN unnest($1::text[], $2::text[]) AS life (scenario, code) ON code = tracking_code
        """,
        [*codes],
        [*codes.values()],
    )
    assert await until("they are over again", outcomes, timeout=60) == first
    for scenario, found in first.items():
        assert (found.count(scenario), len(found)) == (scenario in REASONS, sum(map(len, SCENARIOS[scenario])))
    await connection.close()


async def test_what_another_release_planned_is_left_alone_or_at_its_end(
    own_service: Service, customer: Shop, database_url: str
) -> None:
    """Of scenarios that are not known here there may be workers that know them; one that has fewer steps now is over."""
    async with Shop(own_service.url) as sandbox:
        await sandbox.use_key_of(customer, mode="test")
        lives = {name: await sandbox.create_posting(reference=f"test:{name}@0") for name in ("cancelled", "returned")}
        shorter = await sandbox.create_posting(reference="test:delivered@0")
        at_once = (await sandbox.create_posting(reference="test:posting_held"))["tracking_code"]
        connection = await asyncpg.connect(database_url)
        change = "UPDATE simulations SET {} FROM postings WHERE id = posting_id AND tracking_code = $1"
        await connection.execute(change.format("scenario = 'swallowed'"), lives["returned"]["tracking_code"])
        await connection.execute(change.format("scenario = 'swallowed_at_once'"), at_once)
        await connection.execute(change.format("position = 9"), shorter["tracking_code"])
        worker = own_service.start_worker()

        async def only_the_unknown_are_left() -> bool:
            left = await connection.fetch("SELECT scenario FROM simulations ORDER BY 1")
            return [row["scenario"] for row in left] == ["swallowed", "swallowed_at_once"]

        await until("only what is unknown is left", only_the_unknown_are_left)
        assert (await sandbox.update(at_once, "shipped")).status == 202
        assert worker.alive
        await connection.close()


async def test_without_a_worker_a_life_waits_and_with_one_it_goes_on(own_service: Service, customer: Shop) -> None:
    async with Shop(own_service.url) as sandbox:
        await sandbox.use_key_of(customer, mode="test")
        code = (await sandbox.create_posting(reference="test:cancelled@0"))["tracking_code"]
        assert len(await sandbox.history(code)) == 1
        own_service.start_worker()

        async def is_cancelled() -> bool:
            return len(await sandbox.history(code)) == 2

        await until("the posting is cancelled", is_cancelled)


async def test_what_waits_in_a_test_world_is_not_in_the_operators_queue(
    own_service: Service, customer: Shop, operator_of_own: Shop
) -> None:
    async with Shop(own_service.url) as sandbox:
        await sandbox.use_key_of(customer, mode="test")
        for each, queued in ((sandbox, 0), (customer, 1)):
            code = (await each.create_posting(reference="test:pending"))["tracking_code"]
            assert (await each.update(code, "shipped")).status == 202
            queue = (await operator_of_own.send("GET", "/admin/queue")).json
            assert (queue["queued"], queue["oldest_accepted_at"] is not None) == (queued, bool(queued))
