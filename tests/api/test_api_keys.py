"""API keys as callers meet them: made for a part of what a client may do, seen once, and ended within 5 seconds."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.core.api_keys import new_api_key
from tests.service import Service
from tests.shop import POSTING, Answer, Shop
from tests.until import until

_SECONDS = 5


def soon(**time: float) -> str:
    """A time to come."""
    return (datetime.now(UTC) + timedelta(**time)).isoformat().replace("+00:00", "Z")


@pytest.fixture
async def system(service: Service) -> AsyncIterator[Shop]:
    """A program that has no password."""
    async with Shop(service.url) as opened:
        yield opened


async def use(system: Shop, key: str, method: str = "GET", path: str = "/postings", body: object = None) -> Answer:
    """What a request with this key is answered."""
    return await system.send(method, path, body, headers={"Authorization": f"Bearer {key}"})


async def ends(system: Shop, key: str) -> None:
    """Wait until the key is refused."""

    async def is_refused() -> bool:
        return (await use(system, key)).status == 401

    await until("the key is refused", is_refused, timeout=_SECONDS)


class TestCreate:
    async def test_a_key_is_shown_once_and_lets_its_bearer_in(self, shop: Shop, system: Shop) -> None:
        answer = await shop.send("POST", "/clients/me/api-keys", {"name": "ERP", "scopes": ["postings:read"]})
        assert answer.status == 201
        assert answer.headers["Cache-Control"] == "no-store"
        made = answer.json
        assert made["last4"] == made["key"][-4:]
        assert (await use(system, made["key"])).status == 200
        listed = await shop.send("GET", "/clients/me/api-keys")
        assert made["key"] not in listed.body.decode()
        (seen,) = listed.json["api_keys"]
        assert {**seen, "last_used_at": None} == {name: value for name, value in made.items() if name != "key"}

    async def test_only_a_hash_is_kept(self, shop: Shop, service: Service) -> None:
        key = (await shop.create_api_key("postings:read"))["key"]
        connection = await asyncpg.connect(service.environment["DATABASE_URL"])
        rows = await connection.fetch("SELECT api_keys::text AS written FROM api_keys")
        await connection.close()
        assert not [row for row in rows if key.removeprefix("postagens_live_") in row["written"]]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""),
            ("name", "x" * 101),
            ("scopes", []),
            ("scopes", ["account"]),
            ("scopes", ["admin"]),
            ("scopes", ["postings:fly"]),
            ("scopes", ["postings:read", "postings:read"]),
            ("scopes", "postings:read"),
            ("expires_at", "tomorrow"),
            ("expires_at", "2030-01-01T00:00:00"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Shop, field: str, value: Any) -> None:
        body = {"name": "ERP", "scopes": ["postings:read"], field: value}
        answer = await shop.send("POST", "/clients/me/api-keys", body)
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert all(error["place"].startswith(f"body#/{field}") for error in answer.json["errors"])

    async def test_a_key_that_has_expired_cannot_be_made(self, shop: Shop) -> None:
        body = {"name": "ERP", "scopes": ["postings:read"], "expires_at": soon(minutes=-1)}
        assert (await shop.send("POST", "/clients/me/api-keys", body)).code == "expiry_in_past"

    async def test_there_are_at_most_fifty(self, shop: Shop) -> None:
        keys = [await shop.create_api_key("postings:read") for _ in range(46)]
        body = {"name": "ERP", "scopes": ["postings:read"]}
        at_once = await asyncio.gather(*(shop.send("POST", "/clients/me/api-keys", body) for _ in range(8)))
        assert sorted(answer.status for answer in at_once) == [201] * 4 + [409] * 4
        assert (await shop.send("POST", "/clients/me/api-keys", body)).code == "too_many_api_keys"
        await shop.send("DELETE", f"/clients/me/api-keys/{keys[0]['id']}")
        assert (await shop.send("POST", "/clients/me/api-keys", body)).status == 201


class TestUse:
    async def test_a_key_does_what_its_scopes_say(self, shop: Shop, system: Shop) -> None:
        code = (await shop.create_posting())["tracking_code"]
        reader = (await shop.create_api_key("postings:read"))["key"]
        scanner = (await shop.create_api_key("status:write"))["key"]
        printer = (await shop.create_api_key("labels:read"))["key"]
        writer = (await shop.create_api_key("postings:write"))["key"]
        asked: list[tuple[str, str, object, str]] = [
            ("GET", f"/postings/{code}", None, reader),
            ("GET", f"/postings/{code}/history", None, reader),
            ("GET", "/status-updates", None, reader),
            ("PATCH", f"/postings/{code}/status", {"status": "shipped"}, scanner),
            ("POST", "/status-updates", {"updates": [{"tracking_code": code, "status": "delivered"}]}, scanner),
            ("GET", f"/postings/{code}/label", None, printer),
            ("POST", "/postings", POSTING, writer),
            ("POST", "/postings/batch", {"postings": [POSTING]}, writer),
        ]
        for method, path, body, able in asked:
            for key in (reader, scanner, printer, writer):
                answer = await use(system, key, method, path, body)
                assert (answer.status < 300) == (key == able), (path, answer.body)
                if key != able:
                    assert (answer.status, answer.code) == (403, "insufficient_scope")
                    assert answer.json["scope"] in answer.json["detail"]

    async def test_an_operators_scanner_reports_for_everybody(self, operator: Shop, shop: Shop, system: Shop) -> None:
        code = (await shop.create_posting())["tracking_code"]
        key = (await operator.create_api_key("status:write"))["key"]
        assert (await use(system, key, "PATCH", f"/postings/{code}/status", {"status": "shipped"})).status == 202

    async def test_a_mistyped_key_is_told_apart_from_one_that_is_not_good(self, shop: Shop, system: Shop) -> None:
        key = (await shop.create_api_key("postings:read"))["key"]
        mistyped = await use(system, key[:-1] + ("a" if key[-1] != "a" else "b"))
        assert (mistyped.status, mistyped.code) == (401, "mistyped_api_key")
        assert mistyped.headers["WWW-Authenticate"] == "Bearer"
        for unknown in (new_api_key(), new_api_key("test")):
            assert (await use(system, unknown)).code == "not_authenticated"

    async def test_its_last_use_is_told(self, shop: Shop, system: Shop) -> None:
        key = (await shop.create_api_key("postings:read"))["key"]
        before = datetime.now(UTC) - timedelta(seconds=1)
        await use(system, key)
        (seen,) = (await shop.send("GET", "/clients/me/api-keys")).json["api_keys"]
        assert datetime.fromisoformat(seen["last_used_at"]) > before

    async def test_it_ends_by_itself_when_it_was_made_to(self, shop: Shop, system: Shop) -> None:
        key = (await shop.create_api_key("postings:read", expires_at=soon(seconds=2)))["key"]
        assert (await use(system, key)).status == 200
        await ends(system, key)


class TestRevoke:
    async def test_a_revoked_key_is_refused_everywhere(self, shop: Shop, system: Shop) -> None:
        code = (await shop.create_posting())["tracking_code"]
        made = await shop.create_api_key("postings:read")
        assert (await use(system, made["key"], path=f"/postings/{code}")).status == 200
        answer = await shop.send("DELETE", f"/clients/me/api-keys/{made['id']}")
        assert (answer.status, answer.body) == (204, b"")
        await ends(system, made["key"])
        assert (await use(system, made["key"], path=f"/postings/{code}")).code == "not_authenticated"
        assert (await shop.send("GET", "/clients/me/api-keys")).json["api_keys"] == []
        assert (await shop.send("DELETE", f"/clients/me/api-keys/{made['id']}")).code == "api_key_not_found"

    async def test_anybody_elses_key_is_like_one_that_is_not(self, shop: Shop, other_shop: Shop, system: Shop) -> None:
        made = await shop.create_api_key("postings:read")
        for key_id in (made["id"], "019a0000-0000-7000-8000-000000000001"):
            path = f"/clients/me/api-keys/{key_id}"
            for answer in (
                await other_shop.send("DELETE", path),
                await other_shop.send("POST", f"{path}/rotate", {"overlap_hours": 1}),
            ):
                assert (answer.status, answer.code) == (404, "api_key_not_found")
        assert (await use(system, made["key"])).status == 200


class TestRotate:
    async def test_both_keys_are_good_until_the_overlap_is_over(self, shop: Shop, system: Shop) -> None:
        old = await shop.create_api_key("postings:read", "labels:read", expires_at=soon(days=30))
        answer = await shop.send("POST", f"/clients/me/api-keys/{old['id']}/rotate", {"overlap_hours": 1})
        assert answer.status == 201
        new = answer.json
        assert (new["name"], new["scopes"]) == (old["name"], old["scopes"])
        assert new["key"] != old["key"]
        assert new["expires_at"] > old["expires_at"]
        for key in (old["key"], new["key"]):
            assert (await use(system, key)).status == 200
        listed = {each["id"]: each for each in (await shop.send("GET", "/clients/me/api-keys")).json["api_keys"]}
        left = datetime.fromisoformat(listed[old["id"]]["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=59) < left <= timedelta(hours=1)

    async def test_without_overlap_the_old_one_ends_at_once(self, shop: Shop, system: Shop) -> None:
        old = await shop.create_api_key("postings:read")
        new = (await shop.send("POST", f"/clients/me/api-keys/{old['id']}/rotate", {"overlap_hours": 0})).json
        await ends(system, old["key"])
        assert (await use(system, new["key"])).status == 200
        assert new["expires_at"] is None
        again = await shop.send("POST", f"/clients/me/api-keys/{old['id']}/rotate", {})
        assert again.code == "api_key_not_found"

    async def test_whoever_lost_the_answer_rotates_again_for_a_key_that_lives_as_long(self, shop: Shop) -> None:
        old = await shop.create_api_key("postings:read", expires_at=soon(days=30))
        rotate = f"/clients/me/api-keys/{old['id']}/rotate"
        lost, again = [(await shop.send("POST", rotate, {"overlap_hours": 1})).json for _ in range(2)]
        assert again["expires_at"] > lost["expires_at"] > old["expires_at"]

    @pytest.mark.parametrize("hours", [-1, 169, "24", 1.5, None])
    async def test_an_overlap_that_is_none_is_refused(self, shop: Shop, hours: Any) -> None:
        old = await shop.create_api_key("postings:read")
        answer = await shop.send("POST", f"/clients/me/api-keys/{old['id']}/rotate", {"overlap_hours": hours})
        assert answer.code == "validation_failed"
