"""Public tracking: what anybody with a code sees, and what nobody does."""

from tests.shop import POSTING, Shop


async def test_the_public_sees_where_a_parcel_is_and_nothing_personal(shop: Shop, anonymous: Shop) -> None:
    secrets = {
        "reference": "REF-SECRET",
        "description": "DESCRIPTION-SECRET",
        "declared_value": "98765.43",
        "metadata": {"k": "METADATA-SECRET"},
        "recipient": {
            **POSTING["recipient"],
            "name": "NAME-SECRET",
            "document": "52998224725",
            "phone": "+55 11 98888-7777",
            "email": "secret@shop.com.br",
            "street": "STREET-SECRET",
        },
    }
    code = (await shop.create_posting(**secrets))["tracking_code"]
    await shop.decided((await shop.update(code, "shipped", city="Cajamar", uf="SP")).json["id"])
    anonymous.headers.clear()
    answer = await anonymous.send("GET", f"/tracking/{code}")
    seen = answer.json
    assert (seen["status"], seen["destination_city"], seen["destination_uf"]) == (
        "shipped",
        "São José dos Campos",
        "SP",
    )
    assert [(step["status"], step["city"]) for step in seen["steps"]] == [("pending", None), ("shipped", "Cajamar")]
    text = answer.body.decode()
    for secret in ("SECRET", "98765", "52998224725", "98888", "secret@", "12243000", "client_id"):
        assert secret not in text


async def test_a_code_may_be_written_as_people_write_it(shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    written = f"{code[:2].lower()} {code[2:5]} {code[5:8]}%20{code[8:11]}-{code[11:]}"
    assert (await shop.send("GET", f"/tracking/{written}")).json["tracking_code"] == code


async def test_a_mistyped_code_is_told_apart_from_an_unknown_one(anonymous: Shop) -> None:
    unknown, mistyped = [
        await anonymous.send("GET", f"/tracking/{code}") for code in ("EE876543216CA", "EE876543217CA")
    ]
    assert (unknown.status, unknown.code) == (404, "tracking_not_found")
    assert (mistyped.status, mistyped.code) == (422, "invalid_tracking_code")


async def test_many_codes_are_sorted_out(shop: Shop) -> None:
    first, second = [(await shop.create_posting())["tracking_code"] for _ in range(2)]
    answer = await shop.send(
        "GET", f"/tracking?codes={second},EE876543216CA&codes={first}&codes=EE876543217CA,{second}"
    )
    assert [parcel["tracking_code"] for parcel in answer.json["found"]] == [second, first]
    assert (answer.json["unknown"], answer.json["mistyped"]) == (["EE876543216CA"], ["EE876543217CA"])


async def test_more_than_fifty_codes_are_refused(anonymous: Shop) -> None:
    codes = ",".join(f"AA{number:09}BR" for number in range(51))
    answer = await anonymous.send("GET", f"/tracking?codes={codes}")
    assert (answer.status, answer.code) == (422, "too_many_codes")
