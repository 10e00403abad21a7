"""Whose object: every operation of the document with every kind of credential. The table says what each may; the rest is made from it."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal, TypeAlias

import asyncpg
import jwt
import pytest

from app.models.scopes import KEY_SCOPES, Scope
from tests.api.contract import OPERATIONS
from tests.api.requests import Sender, request_of
from tests.service import JWT_SECRET, Service
from tests.shop import Answer, Shop
from tests.until import until

Whose: TypeAlias = Literal["public", "account", "account_object", "own", "own_object", "object", "operator"]
Outcome: TypeAlias = Literal[
    "admitted",
    "not_authenticated",
    "mistyped_api_key",
    "client_suspended",
    "insufficient_scope",
    "operator_only",
    "missing",
]

# public: for anybody. own: for whoever is let in, and only of what is their own. object: names something that has an owner. own_object:
# the same, but for no operator either. account and account_object: own and own_object, but for no API key. operator: for operators alone,
# and no API key. Behind it stands the scope that is needed.
# An operation that is not here fails the build: who adds a route says whose it is.
ACCESS: Final[Mapping[str, tuple[Whose, Scope | None]]] = {
    "register_client": ("public", None),
    "get_client": ("account", "account"),
    "change_client": ("account", "account"),
    "change_password": ("account", "account"),
    "delete_client": ("account", "account"),
    "export_client": ("account", "account"),
    "create_api_key": ("account", "account"),
    "list_api_keys": ("account", "account"),
    "rotate_api_key": ("account_object", "account"),
    "revoke_api_key": ("account_object", "account"),
    "issue_tokens": ("public", None),
    "revoke_token": ("public", None),
    "create_posting": ("own", "postings:write"),
    "create_postings": ("own", "postings:write"),
    "list_postings": ("own", "postings:read"),
    "get_posting": ("object", "postings:read"),
    "get_history": ("object", "postings:read"),
    "request_status_update": ("object", "status:write"),
    "request_status_updates": ("object", "status:write"),
    "print_label": ("object", "labels:read"),
    "print_labels": ("object", "labels:read"),
    "list_status_updates": ("own", "postings:read"),
    "get_status_update": ("object", "postings:read"),
    "create_webhook_endpoint": ("own", "webhooks"),
    "list_webhook_endpoints": ("own", "webhooks"),
    "get_webhook_endpoint": ("own_object", "webhooks"),
    "change_webhook_endpoint": ("own_object", "webhooks"),
    "delete_webhook_endpoint": ("own_object", "webhooks"),
    "rotate_webhook_secret": ("own_object", "webhooks"),
    "test_webhook_endpoint": ("own_object", "webhooks"),
    "redeliver_failed_webhooks": ("own_object", "webhooks"),
    "list_webhook_deliveries": ("own", "webhooks"),
    "get_webhook_delivery": ("own_object", "webhooks"),
    "redeliver_webhook": ("own_object", "webhooks"),
    "track_many": ("public", None),
    "track": ("public", None),
    "follow": ("public", None),
    "get_queue": ("operator", "admin"),
    "redrive_dead_letters": ("operator", "admin"),
    "list_clients": ("operator", "admin"),
    "find_client": ("operator", "admin"),
    "suspend_client": ("operator", "admin"),
    "restore_client": ("operator", "admin"),
    "list_events": ("operator", "admin"),
    "get_liveness": ("public", None),
    "get_readiness": ("public", None),
    "list_problems": ("public", None),
    "get_problem": ("public", None),
}

_BARRED: Final[Mapping[str, Outcome]] = {
    **dict.fromkeys(("none", "malformed", "forged", "expired", "ended", "ended_key"), "not_authenticated"),
    **dict.fromkeys(("deleted", "deleted_key"), "not_authenticated"),
    "mistyped_key": "mistyped_api_key",
    **dict.fromkeys(("suspended", "suspended_key"), "client_suspended"),
}
_KEYS: Final = ("key", "key_without_the_scope", "test_key", "foreign_key", "operator_key")
# What becomes of each credential; a key has every scope that a key may have, but for the one that is named so.
EXPECTED: Final[Mapping[Whose, Mapping[str, Outcome]]] = {
    "public": dict.fromkeys((*_BARRED, *_KEYS, "foreign", "operator", "owner"), "admitted"),
    "account": {
        **_BARRED,
        **dict.fromkeys(_KEYS, "insufficient_scope"),
        **dict.fromkeys(("foreign", "operator", "owner"), "admitted"),
    },
    "account_object": {
        **_BARRED,
        **dict.fromkeys(_KEYS, "insufficient_scope"),
        **dict.fromkeys(("foreign", "operator"), "missing"),
        "owner": "admitted",
    },
    "own": {
        **_BARRED,
        "key_without_the_scope": "insufficient_scope",
        **dict.fromkeys(("key", "test_key", "foreign_key", "operator_key", "foreign", "operator", "owner"), "admitted"),
    },
    "own_object": {
        **_BARRED,
        "key_without_the_scope": "insufficient_scope",
        **dict.fromkeys(("test_key", "foreign_key", "operator_key", "foreign", "operator"), "missing"),
        **dict.fromkeys(("key", "owner"), "admitted"),
    },
    "object": {
        **_BARRED,
        "key_without_the_scope": "insufficient_scope",
        **dict.fromkeys(("test_key", "foreign_key", "foreign"), "missing"),
        **dict.fromkeys(("key", "operator_key", "operator", "owner"), "admitted"),
    },
    "operator": {
        **_BARRED,
        **dict.fromkeys(
            ("key", "key_without_the_scope", "test_key", "foreign_key", "foreign", "owner"), "operator_only"
        ),
        "operator_key": "insufficient_scope",
        "operator": "admitted",
    },
}

# What names something in a request, and what is as well-formed and names nothing.
_NOBODY_S: Final = "00000000-0000-8000-8000-000000000000"
MISSING: Final = {
    "CODE": "EE876543216CA",
    "DELIVERY": f"msg_{_NOBODY_S.replace('-', '')}",
    **dict.fromkeys(("UPDATE", "APIKEY", "OLDKEY", "ENDPOINT", "SPARE"), _NOBODY_S),
}
_OF_ONE_ANSWER: Final = frozenset({"Date", "X-Request-ID"})


@dataclass(frozen=True, slots=True)
class World:
    """An owner's things, and what everybody says of themselves in the Authorization header (nothing where it is empty)."""

    url: str
    things: Mapping[str, str]
    credentials: Mapping[str, str]

    async def ask(self, name: str, authorization: str, things: Mapping[str, str]) -> Answer:
        """What this caller is answered who names these things."""
        headers = {"Authorization": authorization} if authorization else {}
        sender = Sender(self.url, client=headers, operator=headers, named={**self.things, **things})
        try:
            return await sender.send(request_of(OPERATIONS[name]))
        finally:
            await sender.close()

    async def outcome(self, name: str, authorization: str) -> str:
        """What becomes of the owner's thing in this caller's hands, as the table calls it."""
        answer = await self.ask(name, authorization, {})
        if "object" in ACCESS[name][0] and answer.status not in (401, 403):
            missing = await self.ask(name, authorization, MISSING)
            if _without(answer, self.things) == _without(missing, MISSING):
                return "missing"
        return answer.code if answer.status in (401, 403, 404) else "admitted"


def _without(answer: Answer, things: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    """The answer without what it names, so that two can be held against each other byte for byte."""
    body = answer.body
    for name in MISSING:
        body = body.replace(things[name].encode(), name.encode())
    headers = {name: value for name, value in answer.headers.items() if name not in _OF_ONE_ANSWER}
    return answer.status, headers, body


def signed_again(authorization: str, secret: str, *, older: timedelta) -> str:
    """The same token, so much older, signed with this secret."""
    token = authorization.removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    for name in ("iat", "nbf", "exp"):
        claims[name] -= int(older.total_seconds())
    return f"Bearer {jwt.encode(claims, secret, algorithm='HS256', headers=jwt.get_unverified_header(token))}"


async def change(service: Service, shop: Shop, change: Literal["role = 'operator'", "suspended_at = now()"]) -> None:
    """Write this of the shop's client into the database."""
    connection = await asyncpg.connect(service.environment["DATABASE_URL"])
    try:
        await connection.execute(f"UPDATE clients SET {change} WHERE email = $1", shop.email)  # noqa: S608
    finally:
        await connection.close()


async def key_of(shop: Shop, scopes: Collection[str] = KEY_SCOPES, mode: str = "live") -> str:
    """The Authorization of a new API key."""
    return f"Bearer {(await shop.create_api_key(*scopes, mode=mode))['key']}"


async def refused(shop: Shop, authorization: str) -> None:
    """Wait until what was good is refused everywhere; it may take 5 seconds."""

    async def is_refused() -> bool:
        return (await shop.send("GET", "/postings", headers={"Authorization": authorization})).status in (401, 403)

    await until("the credential is refused", is_refused, timeout=5)


@pytest.fixture(scope="module")
async def barred(service: Service) -> AsyncIterator[Mapping[str, str]]:
    """Credentials of clients that are suspended or deleted, and such as were ended, which would all hold if they were not."""
    credentials: dict[str, str] = {}
    async with Shop(service.url) as suspended, Shop(service.url) as deleted, Shop(service.url) as shop:
        for name, each in (("suspended", suspended), ("deleted", deleted), ("ended", shop)):
            await each.register()
            credentials |= {name: each.headers["Authorization"], f"{name}_key": await key_of(each)}
        await change(service, suspended, "suspended_at = now()")
        assert (await deleted.send("DELETE", "/clients/me")).status == 204
        (key,) = (await shop.send("GET", "/clients/me/api-keys")).json["api_keys"]
        assert (await shop.send("DELETE", f"/clients/me/api-keys/{key['id']}")).status == 204
        await shop.send("POST", "/auth/revoke", data={"token": credentials["ended"].removeprefix("Bearer ")})
        for authorization in credentials.values():
            await refused(shop, authorization)
        yield credentials


@pytest.fixture
async def world(service: Service, shop: Shop, other_shop: Shop, barred: Mapping[str, str]) -> AsyncIterator[World]:
    code = (await shop.create_posting())["tracking_code"]
    update = (await shop.update(code, "shipped")).json["id"]
    await shop.decided(update)
    keys = [await shop.create_api_key("postings:read") for _ in range(2)]
    owner = shop.headers["Authorization"]
    key = await key_of(shop)
    async with Shop(service.url) as operator:
        await operator.register()
        await change(service, operator, "role = 'operator'")
        await operator.sign_in()
        yield World(
            service.url,
            {
                "CODE": code,
                "FINISHED": await shop.create_delivered_posting(),
                "UPDATE": update,
                "EMAIL": shop.email,
                "CLIENT": await other_shop.id(),
                "APIKEY": keys[0]["id"],
                "OLDKEY": keys[1]["id"],
                **await shop.create_webhooks(),
            },
            {
                "none": "",
                "malformed": "Bearer a.b.c",
                "forged": signed_again(owner, "x" * len(JWT_SECRET), older=timedelta()),
                "expired": signed_again(owner, JWT_SECRET, older=timedelta(days=1)),
                "mistyped_key": f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}",
                **barred,
                "key": key,
                "test_key": await key_of(shop, mode="test"),
                "foreign_key": await key_of(other_shop),
                "operator_key": await key_of(operator),
                "foreign": other_shop.headers["Authorization"],
                "operator": operator.headers["Authorization"],
                # The last to ask: what an owner may do to its things may be their end.
                "owner": owner,
            },
        )


def test_every_operation_says_whose_it_is() -> None:
    assert ACCESS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_document_says_of_each_which_scope_it_needs_and_whether_a_key_may_have_it(name: str) -> None:
    whose, scope = ACCESS[name]
    schemes = (
        {"OAuth2PasswordBearer"}
        if whose in ("account", "account_object", "operator")
        else {"OAuth2PasswordBearer", "ApiKey"}
    )
    told = {kind: scopes for each in OPERATIONS[name].raw.get("security", ()) for kind, scopes in each.items()}
    assert told == ({} if scope is None else {scheme: [scope] for scheme in schemes})


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operation_does_for_each_caller_what_the_table_says(world: World, shop: Shop, name: str) -> None:
    whose, scope = ACCESS[name]
    without = await key_of(shop, [each for each in KEY_SCOPES if each != scope])
    credentials = {"key_without_the_scope": without, **world.credentials}
    outcomes = {}
    for credential, said in credentials.items():
        if credential == "owner":  # whose key may have made an end of them
            world = replace(world, things={**world.things, **await shop.create_webhooks()})
        outcomes[credential] = await world.outcome(name, said)
    assert outcomes == EXPECTED[whose]


async def test_no_list_shows_what_is_somebody_else_s(world: World, shop: Shop, other_shop: Shop) -> None:
    own = (await other_shop.create_posting())["tracking_code"]
    for address in (
        "/postings",
        f"/postings?search={world.things['CODE']}",
        "/status-updates",
        f"/status-updates?tracking_code={world.things['CODE']}",
    ):
        assert world.things["CODE"] in (await shop.send("GET", address)).body.decode()
        assert world.things["CODE"] not in (await other_shop.send("GET", address)).body.decode()
    assert own in (await other_shop.send("GET", "/postings")).body.decode()
