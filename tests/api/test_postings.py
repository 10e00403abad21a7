"""Postings: creating, reading, and whose they are."""

import asyncio
from typing import Any

import pytest

from app.core.tracking_code import is_tracking_code
from app.models.postings import Posting
from tests.shop import PARTY, POSTING, Shop

SIDES = {"length_cm": 30, "width_cm": 20, "height_cm": 12}


def measured(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in {**POSTING, **fields}.items() if value is not None}


class TestCreate:
    async def test_a_posting_has_a_code_a_price_and_its_first_step(self, shop: Shop) -> None:
        answer = await shop.send(
            "POST", "/postings", {**POSTING, "declared_value": "164", "metadata": {"canal": "site", "n": 2}}
        )
        posting = answer.json
        assert is_tracking_code(posting["tracking_code"])
        assert answer.headers["Location"] == f"/api/v1/postings/{posting['tracking_code']}"
        assert (posting["status"], posting["declared_value"], posting["currency"]) == ("pending", "164.00", "BRL")
        assert posting["freight_price"] == "9.25"  # R$ 2.50 for each of 0.9 kg and R$ 0.001 for each of 7 000 cm³
        assert posting["recipient"]["cep"] == "12243000"
        assert posting["metadata"] == {"canal": "site", "n": 2}
        (step,) = await shop.history(posting["tracking_code"])
        assert (step["seq"], step["status"], step["occurred_at"]) == (1, "pending", posting["posted_at"])
        assert list(posting) == list(Posting.model_fields)
        assert (await shop.send("GET", answer.headers["Location"].removeprefix("/api/v1"))).body == answer.body

    async def test_three_sides_stand_for_the_volume(self, shop: Shop) -> None:
        answer = await shop.send("POST", "/postings", measured(volume_cm3=None, **SIDES))
        assert answer.json["volume_cm3"] == 7200

    async def test_an_import_keeps_the_time_at_which_it_was_posted(self, shop: Shop) -> None:
        posting = await shop.create_posting(posted_at="2016-09-04T21:15:19-03:00")
        assert posting["posted_at"] == "2016-09-05T00:15:19Z"

    async def test_a_time_ahead_is_refused(self, shop: Shop) -> None:
        answer = await shop.send("POST", "/postings", {**POSTING, "posted_at": "2099-01-01T00:00:00Z"})
        assert (answer.status, answer.code) == (422, "posted_at_in_future")

    async def test_a_reference_is_used_once_by_a_client_and_freely_by_another(
        self, shop: Shop, other_shop: Shop
    ) -> None:
        await shop.create_posting(reference="pedido-1")
        answer = await shop.send("POST", "/postings", {**POSTING, "reference": "pedido-1"})
        assert (answer.status, answer.code, answer.json["references"]) == (409, "reference_taken", ["pedido-1"])
        await other_shop.create_posting(reference="pedido-1")

    @pytest.mark.parametrize(
        ("fields", "place"),
        [
            ({"weight_g": 0}, "/weight_g"),
            ({"weight_g": True}, "/weight_g"),
            ({"weight_g": "900"}, "/weight_g"),
            ({"weight_g": 900.0}, "/weight_g"),
            ({"weight_g": 2**63}, "/weight_g"),
            ({"volume_cm3": None}, "/"),
            ({"length_cm": 1}, "/"),
            ({"declared_value": 12.5}, "/declared_value"),
            ({"declared_value": "1.005"}, "/declared_value"),
            ({"declared_value": "-1"}, "/declared_value"),
            ({"declared_value": "99999999999"}, "/declared_value"),
            ({"posted_at": "2026-01-01T00:00:00"}, "/posted_at"),
            ({"posted_at": 1700000000}, "/posted_at"),
            ({"estimated_delivery": "01/02/2026"}, "/estimated_delivery"),
            ({"recipient": {**PARTY, "cep": "1234"}}, "/recipient/cep"),
            ({"recipient": {**PARTY, "uf": "XX"}}, "/recipient/uf"),
            ({"recipient": {**PARTY, "document": "52998224726"}}, "/recipient/document"),
            ({"recipient": {**PARTY, "name": "a\u0000b"}}, "/recipient/name"),
            ({"metadata": {"a": {"b": 1}}}, "/metadata/a"),
            ({"metadata": {f"k{i}": i for i in range(21)}}, "/metadata"),
            ({"status": "delivered"}, "/status"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Shop, fields: dict[str, Any], place: str) -> None:
        answer = await shop.send("POST", "/postings", measured(**fields))
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert {error["place"].startswith(f"body#{place}") for error in answer.json["errors"]} == {True}, answer.json


class TestCreateBatch:
    async def test_a_thousand_come_back_in_the_order_asked_for(self, shop: Shop) -> None:
        asked = [{**POSTING, "reference": f"r{number}"} for number in range(1000)]
        answer = await shop.send("POST", "/postings/batch", {"postings": asked})
        assert answer.status == 201
        assert [posting["reference"] for posting in answer.json["postings"]] == [f"r{number}" for number in range(1000)]
        assert len({posting["tracking_code"] for posting in answer.json["postings"]}) == 1000

    async def test_all_or_none(self, shop: Shop) -> None:
        await shop.create_posting(reference="taken")
        asked = [{**POSTING, "reference": reference} for reference in ("one", "taken", "two")]
        answer = await shop.send("POST", "/postings/batch", {"postings": asked})
        assert (answer.code, answer.json["references"]) == ("reference_taken", ["taken"])
        assert [posting["reference"] for posting in (await shop.send("GET", "/postings")).json["postings"]] == ["taken"]

    async def test_a_reference_twice_in_one_batch_is_refused(self, shop: Shop) -> None:
        answer = await shop.send("POST", "/postings/batch", {"postings": [{**POSTING, "reference": "r"}] * 2})
        assert (answer.status, answer.code) == (422, "duplicate_reference")

    @pytest.mark.parametrize("count", [0, 1001])
    async def test_none_and_too_many_are_refused(self, shop: Shop, count: int) -> None:
        answer = await shop.send("POST", "/postings/batch", {"postings": [POSTING] * count})
        assert (answer.status, answer.code) == (422, "validation_failed")


class TestIdempotencyKey:
    async def test_the_same_request_again_is_the_same_posting(self, shop: Shop) -> None:
        first, again = [await shop.send("POST", "/postings", {**POSTING, "reference": "r"}, key="k") for _ in range(2)]
        assert (first.status, again.status) == (201, 201)
        assert first.json == again.json

    async def test_another_request_with_the_key_is_refused(self, shop: Shop) -> None:
        await shop.send("POST", "/postings", POSTING, key="k")
        answer = await shop.send("POST", "/postings", {**POSTING, "weight_g": 1}, key="k")
        assert (answer.status, answer.code) == (422, "idempotency_key_reused")

    async def test_a_key_is_of_its_client_alone(self, shop: Shop, other_shop: Shop) -> None:
        mine, other = [await each.send("POST", "/postings", POSTING, key="k") for each in (shop, other_shop)]
        assert mine.json["tracking_code"] != other.json["tracking_code"]

    async def test_fifty_at_once_are_one(self, shop: Shop) -> None:
        body = {"postings": [{**POSTING, "reference": "r"}, POSTING]}
        answers = await asyncio.gather(*(shop.send("POST", "/postings/batch", body, key="k") for _ in range(50)))
        assert {answer.status for answer in answers} == {201}
        assert len({answer.body for answer in answers}) == 1
        assert len((await shop.send("GET", "/postings")).json["postings"]) == 2

    async def test_a_request_that_failed_leaves_its_key_free(self, shop: Shop) -> None:
        await shop.create_posting(reference="taken")
        assert (await shop.send("POST", "/postings", {**POSTING, "reference": "taken"}, key="k")).status == 409
        assert (await shop.send("POST", "/postings", {**POSTING, "reference": "free"}, key="k")).status == 201

    @pytest.mark.parametrize("key", ["x" * 256, "é"])
    async def test_a_key_that_is_none_is_refused(self, shop: Shop, key: str) -> None:
        assert (await shop.send("POST", "/postings", POSTING, key=key)).code == "invalid_idempotency_key"


class TestWhose:
    async def test_another_client_s_posting_answers_as_a_missing_one(self, shop: Shop, other_shop: Shop) -> None:
        code = (await shop.create_posting())["tracking_code"]
        for path in (f"/postings/{code}", f"/postings/{code}/history"):
            foreign = await other_shop.send("GET", path)
            missing = await other_shop.send("GET", path.replace(code, "EE876543216CA"))
            assert (foreign.status, foreign.code) == (404, "posting_not_found")
            assert foreign.body == missing.body
        assert (await other_shop.update(code, "shipped")).code == "posting_not_found"
        assert (await other_shop.send("GET", "/postings")).json["postings"] == []

    async def test_an_operator_sees_every_posting(self, shop: Shop, operator: Shop) -> None:
        posting = await shop.create_posting()
        assert (await operator.send("GET", f"/postings/{posting['tracking_code']}")).json == posting

    async def test_a_mistyped_code_is_told_apart_from_an_unknown_one(self, shop: Shop) -> None:
        assert (await shop.send("GET", "/postings/EE876543217CA")).code == "invalid_tracking_code"
        assert (await shop.send("GET", "/postings/EE876543216CA")).code == "posting_not_found"
