"""Status updates over HTTP: asked for, accepted or refused at once, decided by the worker."""

import asyncio
from typing import Any

import pytest

from app.models.status_updates import BatchedStatusUpdate, StatusUpdate
from tests.shop import Shop

POSTED = "2026-03-01T12:00:00Z"


async def posted(shop: Shop) -> str:
    """The code of a posting that was posted long ago."""
    code: str = (await shop.create_posting(posted_at=POSTED))["tracking_code"]
    return code


async def applied(shop: Shop, code: str, status: str, **fields: Any) -> dict[str, Any]:
    """An update that is applied."""
    answer = await shop.update(code, status, **fields)
    assert answer.status == 202, answer.body
    update = await shop.decided(answer.json["id"])
    assert update["state"] == "applied", update
    return update


async def test_an_accepted_update_is_found_at_its_location_and_becomes_a_step(shop: Shop) -> None:
    code = await posted(shop)
    answer = await shop.update(code, "shipped", occurred_at="2026-03-02T09:30:00-03:00", city="Campinas", uf="SP")
    assert answer.status == 202
    assert answer.json["state"] == "queued"
    assert answer.headers["Location"] == f"/api/v1/status-updates/{answer.json['id']}"
    update = await shop.decided(answer.json["id"])
    assert (update["state"], update["refusal"], update["occurred_at"]) == ("applied", None, "2026-03-02T12:30:00Z")
    step = (await shop.history(code))[-1]
    assert (step["seq"], step["status"], step["city"], step["occurred_at"]) == (
        2,
        "shipped",
        "Campinas",
        "2026-03-02T12:30:00Z",
    )
    posting = (await shop.send("GET", f"/postings/{code}")).json
    assert (posting["status"], posting["shipped_at"], posting["delivered_at"]) == (
        "shipped",
        "2026-03-02T12:30:00Z",
        None,
    )


async def test_an_update_looks_the_same_wherever_it_is_told_of(shop: Shop) -> None:
    code = await posted(shop)
    scan = {"occurred_at": "2026-03-02T12:00:00Z", "city": "Campinas", "uf": "SP", "description": "Saiu"}
    alone = (await shop.update(code, "shipped", **scan)).json
    asked = [{"tracking_code": each, "status": "shipped", **scan} for each in (code, "EE876543216CA")]
    accepted, refused = (await shop.send("POST", "/status-updates", {"updates": asked})).json["updates"]
    for update in (alone, accepted["status_update"], await shop.decided(alone["id"])):
        assert list(update) == list(StatusUpdate.model_fields)
        assert update.items() >= scan.items()
    assert list(accepted) == list(refused) == list(BatchedStatusUpdate.model_fields)


async def test_an_update_that_arrives_late_takes_its_place_and_does_not_move_the_status_back(shop: Shop) -> None:
    code = await posted(shop)
    await applied(shop, code, "delivered", occurred_at="2026-03-05T12:00:00Z")
    await applied(shop, code, "shipped", occurred_at="2026-03-02T12:00:00Z")
    posting = (await shop.send("GET", f"/postings/{code}")).json
    assert (posting["status"], posting["shipped_at"]) == ("delivered", "2026-03-02T12:00:00Z")
    assert posting["delivered_at"] == posting["finished_at"] == posting["status_at"] == "2026-03-05T12:00:00Z"
    assert [(step["seq"], step["status"]) for step in await shop.history(code)] == [
        (1, "pending"),
        (3, "shipped"),
        (2, "delivered"),
    ]


async def test_a_refusal_by_the_worker_is_told_at_the_update_s_own_address(shop: Shop) -> None:
    code = await posted(shop)
    await applied(shop, code, "shipped", occurred_at="2026-03-05T12:00:00Z")
    answer = await shop.update(code, "delivered", occurred_at="2026-03-04T12:00:00Z")
    assert answer.status == 202
    update = await shop.decided(answer.json["id"])
    assert (update["state"], update["refusal"]["code"]) == ("refused", "out_of_sequence")
    assert update["refusal"]["detail"]
    assert len(await shop.history(code)) == 2


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"status": "cancelled"}, 409, "illegal_transition"),
        ({"status": "pending"}, 409, "illegal_transition"),
        ({"status": "shipped"}, 409, "already_in_status"),
        ({"status": "delivered", "occurred_at": "2026-02-01T00:00:00Z"}, 409, "out_of_sequence"),
        ({"status": "delivered", "occurred_at": "2098-01-01T00:00:00Z"}, 422, "occurred_at_in_future"),
        ({"status": "delivered", "occurred_at": "2026-03-04T12:00:00"}, 422, "validation_failed"),
        ({"status": "delivered", "occurred_at": "0001-01-01T00:00:00+14:00"}, 422, "validation_failed"),
        ({"status": "delivered", "occurred_at": "9999-12-31T23:59:00-12:00"}, 422, "validation_failed"),
        ({"status": "lost"}, 422, "validation_failed"),
        ({"status": "delivered", "uf": "ZZ"}, 422, "validation_failed"),
        ({"status": "delivered", "city": "x" * 101}, 422, "validation_failed"),
        ({}, 422, "validation_failed"),
    ],
)
async def test_what_can_be_refused_at_once_is(shop: Shop, fields: dict[str, str], status: int, code: str) -> None:
    tracking_code = await posted(shop)
    await applied(shop, tracking_code, "shipped", occurred_at="2026-03-02T12:00:00Z")
    answer = await shop.send("PATCH", f"/postings/{tracking_code}/status", fields)
    assert (answer.status, answer.code) == (status, code)
    assert len((await shop.send("GET", "/status-updates")).json["status_updates"]) == 1


async def test_a_scan_repeats_the_status_with_a_place(shop: Shop) -> None:
    code = await posted(shop)
    await applied(shop, code, "shipped")
    await applied(shop, code, "shipped", city="Cajamar", uf="SP")
    assert [step["city"] for step in await shop.history(code)] == [None, None, "Cajamar"]


async def test_an_operator_reports_for_any_posting_and_the_owner_sees_it(shop: Shop, operator: Shop) -> None:
    code = await posted(shop)
    answer = await operator.update(code.lower(), "shipped")
    assert answer.status == 202
    assert (await shop.decided(answer.json["id"]))["state"] == "applied"


class TestIdempotencyKey:
    async def test_the_same_update_again_is_the_same_even_when_it_was_decided(self, shop: Shop) -> None:
        code = await posted(shop)
        first = await shop.update(code, "delivered", key="k")
        await shop.decided(first.json["id"])
        again = await shop.update(code, "delivered", key="k")
        assert (again.status, again.json["id"], again.json["state"]) == (202, first.json["id"], "applied")
        assert len(await shop.history(code)) == 2

    async def test_another_update_with_the_key_is_refused(self, shop: Shop) -> None:
        code = await posted(shop)
        await shop.update(code, "shipped", key="k")
        answer = await shop.update(code, "delivered", key="k")
        assert (answer.status, answer.code) == (422, "idempotency_key_reused")

    async def test_fifty_at_once_are_one(self, shop: Shop) -> None:
        code = await posted(shop)
        answers = await asyncio.gather(*(shop.update(code, "shipped", key="k") for _ in range(50)))
        assert {answer.status for answer in answers} == {202}
        assert len({answer.json["id"] for answer in answers}) == 1
        assert (await shop.decided(answers[0].json["id"]))["state"] == "applied"
        assert len(await shop.history(code)) == 2


class TestBatch:
    async def test_each_is_accepted_or_refused_on_its_own(self, shop: Shop, other_shop: Shop) -> None:
        mine, foreign = await posted(shop), await posted(other_shop)
        codes = [mine, foreign, "EE876543217CA", mine]
        updates = [{"tracking_code": code, "status": "shipped"} for code in codes]
        updates[3]["status"] = "delivered"
        answer = await shop.send("POST", "/status-updates", {"updates": updates})
        assert answer.status == 202
        outcomes = answer.json["updates"]
        assert [outcome["state"] for outcome in outcomes] == ["queued", "refused", "refused", "queued"]
        reasons = [outcome["refusal"] and outcome["refusal"]["code"] for outcome in outcomes]
        assert reasons == [None, "posting_not_found", "invalid_tracking_code", None]
        for outcome in (outcomes[0], outcomes[3]):
            assert (await shop.decided(outcome["status_update"]["id"]))["state"] == "applied"
        assert [step["status"] for step in await shop.history(mine)] == ["pending", "shipped", "delivered"]

    async def test_of_which_none_is_for_a_posting_each_is_refused(self, shop: Shop) -> None:
        asked = [{"tracking_code": code, "status": "shipped"} for code in ("RR123456789CN", "x")]
        for updates in (asked, asked[:1]):
            answer = await shop.send("POST", "/status-updates", {"updates": updates})
            assert answer.status == 202
            reasons = [each["refusal"]["code"] for each in answer.json["updates"]]
            assert reasons == ["invalid_tracking_code"] * len(updates)

    async def test_the_same_batch_with_its_key_again_is_the_same_updates(self, shop: Shop) -> None:
        code = await posted(shop)
        body = {"updates": [{"tracking_code": code, "status": status} for status in ("shipped", "delivered")]}
        first, again = [await shop.send("POST", "/status-updates", body, key="k") for _ in range(2)]
        ids = [[outcome["status_update"]["id"] for outcome in answer.json["updates"]] for answer in (first, again)]
        assert ids[0] == ids[1]
        assert len(set(ids[0])) == 2

    async def test_a_thousand_for_one_posting_are_decided_in_their_order(self, shop: Shop) -> None:
        code = await posted(shop)
        scans = [{"tracking_code": code, "status": "shipped", "description": f"scan {number}"} for number in range(999)]
        answer = await shop.send("POST", "/status-updates", {"updates": scans})
        await shop.decided(answer.json["updates"][-1]["status_update"]["id"])
        steps = sorted(await shop.history(code), key=lambda step: int(step["seq"]))
        assert [step["description"] for step in steps[1:]] == [f"scan {number}" for number in range(999)]


class TestReading:
    async def test_another_client_s_update_answers_as_a_missing_one(self, shop: Shop, other_shop: Shop) -> None:
        accepted = await shop.update(await posted(shop), "shipped")
        foreign = await other_shop.send("GET", f"/status-updates/{accepted.json['id']}")
        missing = await other_shop.send("GET", "/status-updates/00000000-0000-7000-8000-000000000000")
        assert (foreign.status, foreign.code) == (404, "status_update_not_found")
        assert foreign.body == missing.body

    async def test_a_list_is_filtered_and_turned_page_by_page(self, shop: Shop) -> None:
        code, other = await posted(shop), await posted(shop)
        for each in (code, other):
            await applied(shop, each, "shipped")
        answer = await shop.update(code, "delivered", occurred_at="2026-03-01T12:00:01Z")
        await shop.decided(answer.json["id"])

        async def ids(query: str) -> list[str]:
            listed = (await shop.send("GET", f"//api/v1/status-updates?{query}")).json["status_updates"]
            return [update["id"] for update in listed]

        newest_first = await ids("")
        assert len(newest_first) == 3
        assert newest_first[0] == answer.json["id"]
        assert await ids("state=refused") == await ids("refusal=out_of_sequence") == [answer.json["id"]]
        assert len(await ids("state=applied")) == 2
        assert len(await ids(f"tracking_code={code}")) == 2
        cursor = (await shop.send("GET", "//api/v1/status-updates?limit=2")).json["next_cursor"]
        assert await ids(f"limit=2&cursor={cursor}") == newest_first[2:]
