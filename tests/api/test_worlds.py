"""The live world and the test world of one client: nothing of the one is seen, changed or counted in the other."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from app.core.tracking_code import is_tracking_code
from app.models.clients import Mode
from app.models.scopes import KEY_SCOPES
from tests.api.contract import OPERATIONS
from tests.api.requests import BASES
from tests.api.test_whose_object import MISSING, World
from tests.service import Service
from tests.shop import POSTING, Shop
from tests.until import until


def _needs_key_scope(name: str) -> bool:
    """Whether it is about postings; whose webhooks are is held by test_whose_object.py, for test keys too."""
    security = OPERATIONS[name].raw.get("security") or []
    scopes = {scope for each in security for scopes in each.values() for scope in scopes}
    return bool(scopes & set(KEY_SCOPES) - {"webhooks"})


def _names(name: str) -> bool:
    base = BASES[name]
    written = json.dumps([dict(base.path), dict(base.query), base.body])
    return '"CODE"' in written or '"UPDATE"' in written


KEYED: Final = [name for name in OPERATIONS if _needs_key_scope(name)]
NAMING: Final = [name for name in KEYED if _names(name)]


@dataclass(frozen=True, slots=True)
class Worlds:
    """What there is in each world, and the Authorization of whoever looks for it."""

    things: Mapping[Mode, World]
    credentials: Mapping[str, str]


async def _world(shop: Shop) -> World:
    code = (await shop.create_posting(reference="test:pending"))["tracking_code"]
    update = (await shop.update(code, "shipped")).json["id"]
    await shop.decided(update)
    others = {name: str(uuid4()) for name in MISSING.keys() - {"CODE", "UPDATE"}}
    return World(shop.url, {"CODE": code, "UPDATE": update, **others}, {})


@pytest.fixture
async def live_key(service: Service, shop: Shop) -> AsyncIterator[Shop]:
    """The client's program in the live world."""
    async with Shop(service.url) as opened:
        await opened.use_key_of(shop, mode="live")
        yield opened


@pytest.fixture
async def worlds(service: Service, shop: Shop, sandbox: Shop, live_key: Shop, operator: Shop) -> Worlds:
    async with Shop(service.url) as operators_sandbox:
        await operators_sandbox.use_key_of(operator, mode="test")
        everybody = {
            "token": shop,
            "live key": live_key,
            "test key": sandbox,
            "operator": operator,
            "operator's test key": operators_sandbox,
        }
        return Worlds(
            {"live": await _world(shop), "test": await _world(sandbox)},
            {name: each.headers["Authorization"] for name, each in everybody.items()},
        )


_LIVES_IN: Final[Mapping[str, Mode]] = {"token": "live", "live key": "live", "test key": "test", "operator": "live"}


def test_the_operations_were_found() -> None:
    assert {"get_posting", "get_history", "request_status_update", "request_status_updates"} <= set(NAMING)
    assert {"print_label", "print_labels", "get_status_update"} <= set(NAMING)
    assert {"create_posting", "create_postings", "list_postings", "list_status_updates"} <= set(KEYED) - set(NAMING)


@pytest.mark.parametrize("name", NAMING)
async def test_what_is_of_the_other_world_is_missing(worlds: Worlds, name: str) -> None:
    for credential, authorization in worlds.credentials.items():
        for mode, world in worlds.things.items():
            expected = "admitted" if _LIVES_IN.get(credential) == mode else "missing"
            assert await world.outcome(name, authorization) == expected, (credential, mode)


@pytest.mark.parametrize("name", sorted(set(KEYED) - set(NAMING)))
async def test_no_list_and_nothing_new_is_of_the_other_world(worlds: Worlds, name: str) -> None:
    for credential, authorization in worlds.credentials.items():
        new = {"pedido-1001": credential, "pedido-1002": f"{credential} 2"}
        answer = await worlds.things["live"].ask(name, authorization, new)
        assert answer.status < 300, answer.body
        for mode, world in worlds.things.items():
            is_listed = name.startswith("list_") and _LIVES_IN.get(credential) == mode
            assert (world.things["CODE"] in answer.body.decode()) == is_listed, (credential, mode)
        if not name.startswith("list_"):
            (posting,) = answer.json.get("postings", [answer.json])
            assert posting["test"] == ("test key" in credential)


class TestPostings:
    async def test_codes_are_well_formed_and_told_apart_by_their_prefix(self, shop: Shop, sandbox: Shop) -> None:
        for each, prefix, is_test in ((shop, "ZP", False), (sandbox, "ZT", True)):
            posting = await each.create_posting()
            assert posting["tracking_code"].startswith(prefix)
            assert is_tracking_code(posting["tracking_code"])
            assert posting["test"] is is_test

    async def test_a_reference_and_an_idempotency_key_may_be_used_in_both(self, shop: Shop, sandbox: Shop) -> None:
        asked = {**POSTING, "reference": "pedido-1001"}
        codes = [
            (await each.send("POST", "/postings", asked, key="k")).json["tracking_code"] for each in (shop, sandbox)
        ]
        assert len(set(codes)) == 2
        answers = [
            await each.update(code, "shipped", key="k") for each, code in zip((shop, sandbox), codes, strict=True)
        ]
        assert [answer.status for answer in answers] == [202, 202]
        assert len({answer.json["id"] for answer in answers}) == 2

    async def test_two_test_keys_share_a_world_and_two_clients_do_not(
        self, service: Service, shop: Shop, sandbox: Shop, other_shop: Shop
    ) -> None:
        code = (await sandbox.create_posting())["tracking_code"]
        for owner, status in ((shop, 200), (other_shop, 404)):
            async with Shop(service.url) as another:
                await another.use_key_of(owner, mode="test")
                assert (await another.send("GET", f"/postings/{code}")).status == status

    async def test_the_public_is_told_that_it_is_a_test(self, shop: Shop, sandbox: Shop, anonymous: Shop) -> None:
        codes = [(await each.create_posting(reference="test:pending"))["tracking_code"] for each in (shop, sandbox)]
        for code, is_test in zip(codes, (False, True), strict=True):
            assert (await anonymous.send("GET", f"/tracking/{code}")).json["test"] is is_test


class TestKeys:
    async def test_a_key_says_which_world_it_is_of(self, shop: Shop) -> None:
        made = [await shop.create_api_key("postings:read", mode=mode) for mode in ("test", "live")]
        assert [key["key"].startswith("postagens_test_") for key in made] == [True, False]
        listed = (await shop.send("GET", "/clients/me/api-keys")).json["api_keys"]
        assert [key["mode"] for key in listed] == ["test", "live"]

    async def test_rotated_it_stays_in_its_world(self, service: Service, shop: Shop, sandbox: Shop) -> None:
        code = (await sandbox.create_posting())["tracking_code"]
        old = await shop.create_api_key("postings:read", mode="test")
        new = (await shop.send("POST", f"/clients/me/api-keys/{old['id']}/rotate", {})).json
        assert (new["mode"], new["key"][:15]) == ("test", "postagens_test_")
        async with Shop(service.url) as system:
            system.headers["Authorization"] = f"Bearer {new['key']}"
            assert (await system.send("GET", f"/postings/{code}")).status == 200

    async def test_revoked_it_is_refused(self, shop: Shop, sandbox: Shop) -> None:
        (key,) = (await shop.send("GET", "/clients/me/api-keys")).json["api_keys"]
        await shop.send("DELETE", f"/clients/me/api-keys/{key['id']}")

        async def is_refused() -> bool:
            return (await sandbox.send("GET", "/postings")).status == 401

        await until("the key is refused", is_refused, timeout=5)

    async def test_many_at_once_make_one_world(self, service: Service, shop: Shop) -> None:
        await asyncio.gather(*(shop.create_api_key("postings:read", mode="test") for _ in range(10)))
        connection = await asyncpg.connect(service.environment["DATABASE_URL"])
        count = await connection.fetchval("SELECT count(*) FROM test_clients WHERE account_id = $1", await shop.id())
        await connection.close()
        assert count == 1

    async def test_a_suspended_account_is_suspended_in_both(self, shop: Shop, sandbox: Shop, operator: Shop) -> None:
        await operator.send("POST", f"/admin/clients/{await shop.id()}/suspend", {"reason": "Why not"})

        async def is_suspended() -> bool:
            answer = await sandbox.send("GET", "/postings")
            return answer.status == 403 and answer.code == "client_suspended"

        await until("the suspension bites", is_suspended, timeout=5)


class TestOperators:
    async def test_a_test_client_is_no_client_of_theirs(self, shop: Shop, sandbox: Shop, operator: Shop) -> None:
        test_client = (await sandbox.create_posting())["client_id"]
        assert test_client != await shop.id()
        path = f"/admin/clients/{test_client}"
        assert (await operator.send("GET", path)).code == "client_not_found"
        assert (await operator.send("POST", f"{path}/suspend", {"reason": "x"})).code == "client_not_found"
        newest = (await operator.send("GET", "/admin/clients?limit=200")).json["clients"]
        assert test_client not in [client["id"] for client in newest]
        assert (await sandbox.send("GET", "/postings")).status == 200

    async def test_the_queue_and_the_dead_letters_are_those_of_the_live_world(
        self, sandbox: Shop, operator: Shop
    ) -> None:
        before = (await operator.send("GET", "/admin/queue")).json["dead_letters"]
        code = (await sandbox.create_posting(reference="test:internal_error@0"))["tracking_code"]

        async def dead() -> str | None:
            page = await sandbox.send("GET", f"/status-updates?tracking_code={code}&refusal=internal_error")
            return next((update["id"] for update in page.json["status_updates"]), None)

        update = await until("the update is a dead letter", dead)
        assert (await operator.send("GET", "/admin/queue")).json["dead_letters"] == before
        redriven = await operator.send("POST", "/admin/dead-letters/redrive", {"status_update_ids": [update]})
        assert redriven.json == {"redriven": 0}
        assert (await sandbox.send("GET", f"/status-updates/{update}")).json["state"] == "refused"
