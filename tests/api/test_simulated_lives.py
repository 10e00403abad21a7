"""Test postings live by themselves: each scenario ends as its name says, seen with the eyes of whoever integrates."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.services.scenarios import AT_ONCE, SCENARIOS
from tests.shop import POSTING, Shop
from tests.until import until

ENDING = ("delivered", "returned", "cancelled")
REFUSED_LATER = sorted(SCENARIOS.keys() - {*ENDING, "pending", *AT_ONCE})


async def reaches(sandbox: Shop, code: str, status: str) -> list[dict[str, Any]]:
    """Wait until the posting has the status; its history."""

    async def has() -> bool:
        return bool((await sandbox.send("GET", f"/postings/{code}")).json["status"] == status)

    await until(f"{code} is {status}", has)
    return await sandbox.history(code)


async def refused(sandbox: Shop, code: str) -> dict[str, Any]:
    """Wait until an update of the posting was refused; that update."""

    async def look() -> dict[str, Any] | None:
        page = await sandbox.send("GET", f"/status-updates?tracking_code={code}&state=refused")
        return next(iter(page.json["status_updates"]), None)

    found = await until(f"an update of {code} is refused", look, timeout=20)
    assert found is not None
    return found


@pytest.mark.parametrize("scenario", ENDING)
async def test_a_life_ends_as_its_reference_says(sandbox: Shop, scenario: str) -> None:
    code = (await sandbox.create_posting(reference=f"test:{scenario}@0"))["tracking_code"]
    history = await reaches(sandbox, code, scenario)
    steps = len(SCENARIOS[scenario])
    assert [step["seq"] for step in history] == list(range(1, steps + 2))
    updates = (await sandbox.send("GET", f"/status-updates?tracking_code={code}")).json["status_updates"]
    assert [update["state"] for update in updates] == ["applied"] * steps


async def test_the_public_sees_each_step_as_of_any_parcel(sandbox: Shop, anonymous: Shop) -> None:
    code = (await sandbox.create_posting(reference="test:delivered@0"))["tracking_code"]
    await reaches(sandbox, code, "delivered")
    seen = (await anonymous.send("GET", f"/tracking/{code}")).json
    assert (seen["test"], seen["status"]) == (True, "delivered")
    assert [step["status"] for step in seen["steps"]] == ["pending", "shipped", "shipped", "delivered"]


@pytest.mark.parametrize("scenario", REFUSED_LATER)
async def test_a_refusal_is_provoked_and_seen(sandbox: Shop, scenario: str) -> None:
    code = (await sandbox.create_posting(reference=f"test:{scenario}@0"))["tracking_code"]
    update = await refused(sandbox, code)
    assert update["refusal"]["code"] == scenario
    assert update["refusal"]["detail"]


@pytest.mark.parametrize("scenario", sorted(AT_ONCE))
async def test_a_refusal_at_once_is_what_every_update_is_answered(sandbox: Shop, scenario: str) -> None:
    code = (await sandbox.create_posting(reference=f"test:{scenario}"))["tracking_code"]
    for key in (None, "again", "again"):
        assert (await sandbox.update(code, "shipped", key=key)).code == scenario
    batch = await sandbox.send("POST", "/status-updates", {"updates": [{"tracking_code": code, "status": "shipped"}]})
    (item,) = batch.json["updates"]
    assert (item["state"], item["refusal"]["code"]) == ("refused", scenario)
    assert [step["status"] for step in await sandbox.history(code)] == ["pending"]


async def test_a_pending_one_waits_for_whoever_tries_updates(sandbox: Shop) -> None:
    code = (await sandbox.create_posting(reference="test:pending@0"))["tracking_code"]
    update = await sandbox.decided((await sandbox.update(code, "returned")).json["id"])
    assert update["state"] == "applied"
    assert [step["status"] for step in await sandbox.history(code)] == ["pending", "returned"]


async def test_a_life_in_which_somebody_else_has_stepped_goes_no_further(sandbox: Shop) -> None:
    code = (await sandbox.create_posting(reference="test:delivered@1"))["tracking_code"]
    await sandbox.decided((await sandbox.update(code, "cancelled")).json["id"])
    later = (await sandbox.create_posting(reference="test:delivered@1:later"))["tracking_code"]
    await reaches(sandbox, later, "delivered")
    assert [step["status"] for step in await sandbox.history(code)] == ["pending", "cancelled"]


async def test_postings_of_a_batch_live_each_its_own_life(sandbox: Shop) -> None:
    references = ["test:returned@0", "test:pending", "test:cancelled@0", None]
    batch = {"postings": [{**POSTING, "reference": reference} for reference in references]}
    created = (await sandbox.send("POST", "/postings/batch", batch)).json["postings"]
    codes = [posting["tracking_code"] for posting in created]
    await asyncio.gather(reaches(sandbox, codes[0], "returned"), reaches(sandbox, codes[2], "cancelled"))
    assert len(await sandbox.history(codes[1])) == 1


async def test_the_pace_is_kept(sandbox: Shop) -> None:
    code = (await sandbox.create_posting(reference="test:returned@1"))["tracking_code"]
    history = await reaches(sandbox, code, "returned")
    moments = [step["occurred_at"] for step in history]
    assert moments == sorted(moments)
    times = [datetime.fromisoformat(moment) for moment in moments]
    assert all(after - before >= timedelta(seconds=1) for before, after in pairwise(times))


@pytest.mark.parametrize("reference", ["test:ilegal_transition", "test:", "test:delivered@x"])
async def test_a_scenario_that_is_none_is_refused(sandbox: Shop, shop: Shop, reference: str) -> None:
    answer = await sandbox.send("POST", "/postings", {**POSTING, "reference": reference})
    assert (answer.status, answer.code) == (422, "unknown_scenario")
    portuguese = await sandbox.send(
        "POST", "/postings", {**POSTING, "reference": reference}, headers={"Accept-Language": "pt-BR"}
    )
    assert portuguese.json["title"] == "Cenário desconhecido"
    assert (await shop.create_posting(reference=reference))[
        "reference"
    ] == reference  # to the live world it means nothing
