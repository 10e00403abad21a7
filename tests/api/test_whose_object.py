"""Whose object: every operation of the document with every kind of credential. The table says what each may; the rest is made from it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeAlias

import asyncpg
import jwt
import pytest

from tests.api.contract import OPERATIONS
from tests.api.requests import Sender, request_of
from tests.service import JWT_SECRET, Service
from tests.shop import Answer, Shop
from tests.until import until

Access: TypeAlias = Literal["public", "own", "object", "operator"]
Outcome: TypeAlias = Literal["admitted", "not_authenticated", "client_suspended", "operator_only", "missing"]

# public: for anybody. own: for whoever is signed in, and only of what is their own. object: names something that has an owner. operator:
# for operators alone. An operation that is not here fails the build: who adds a route says whose it is.
ACCESS: Final[Mapping[str, Access]] = {
    "register_client": "public",
    "get_client": "own",
    "change_client": "own",
    "delete_client": "own",
    "export_client": "own",
    "issue_access_token": "public",
    "create_posting": "own",
    "create_postings": "own",
    "list_postings": "own",
    "get_posting": "object",
    "get_history": "object",
    "request_status_update": "object",
    "request_status_updates": "object",
    "print_label": "object",
    "print_labels": "object",
    "list_status_updates": "own",
    "get_status_update": "object",
    "track_many": "public",
    "track": "public",
    "get_queue": "operator",
    "redrive_dead_letters": "operator",
    "list_clients": "operator",
    "find_client": "operator",
    "suspend_client": "operator",
    "restore_client": "operator",
    "list_events": "operator",
    "get_liveness": "public",
    "get_readiness": "public",
    "list_problems": "public",
    "get_problem": "public",
}

_BARRED: Final[Mapping[str, Outcome]] = {
    **dict.fromkeys(("none", "malformed", "forged", "expired"), "not_authenticated"),
    "suspended": "client_suspended",
}
EXPECTED: Final[Mapping[Access, Mapping[str, Outcome]]] = {
    "public": dict.fromkeys((*_BARRED, "foreign", "operator", "owner"), "admitted"),
    "own": {**_BARRED, "foreign": "admitted", "operator": "admitted", "owner": "admitted"},
    "object": {**_BARRED, "foreign": "missing", "operator": "admitted", "owner": "admitted"},
    "operator": {**_BARRED, "foreign": "operator_only", "operator": "admitted", "owner": "operator_only"},
}

# What names something in a request, and what is as well-formed and names nothing.
_MISSING: Final = {"CODE": "EE876543216CA", "UPDATE": "00000000-0000-8000-8000-000000000000"}
_OF_ONE_ANSWER: Final = frozenset({"Date", "X-Request-ID"})


@dataclass(frozen=True, slots=True)
class World:
    """An owner's things, and what everybody says of themselves in the Authorization header (nothing where it is empty)."""

    url: str
    things: Mapping[str, str]
    credentials: Mapping[str, str]

    async def ask(self, name: str, credential: str, things: Mapping[str, str]) -> Answer:
        """What this caller is answered who names these things."""
        authorization = self.credentials[credential]
        headers = {"Authorization": authorization} if authorization else {}
        sender = Sender(self.url, headers, headers, {**self.things, **things})
        try:
            return await sender.send(request_of(OPERATIONS[name]))
        finally:
            await sender.close()

    async def outcome(self, name: str, credential: str) -> str:
        """What becomes of the owner's thing in this caller's hands, as the table calls it."""
        answer = await self.ask(name, credential, {})
        if ACCESS[name] == "object" and answer.status not in (401, 403):
            missing = await self.ask(name, credential, _MISSING)
            if _without(answer, self.things) == _without(missing, _MISSING):
                return "missing"
        return answer.code if answer.status in (401, 403, 404) else "admitted"


def _without(answer: Answer, things: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    """The answer without what it names, so that two can be held against each other byte for byte."""
    body = answer.body
    for name in _MISSING:
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


async def signed_in(shop: Shop, service: Service, change: Literal["role = 'operator'", "suspended_at = now()"]) -> str:
    """The Authorization of a new client of which the database says this."""
    await shop.register()
    connection = await asyncpg.connect(service.environment["DATABASE_URL"])
    try:
        await connection.execute(f"UPDATE clients SET {change} WHERE email = $1", shop.email)  # noqa: S608
    finally:
        await connection.close()
    if "role" in change:
        await shop.sign_in()
    return shop.headers["Authorization"]


@pytest.fixture
async def operator_token(service: Service) -> AsyncIterator[str]:
    async with Shop(service.url) as shop:
        yield await signed_in(shop, service, "role = 'operator'")


@pytest.fixture(scope="module")
async def suspended_token(service: Service) -> AsyncIterator[str]:
    """Of a client whose token would hold, if it were not suspended."""
    async with Shop(service.url) as shop:
        token = await signed_in(shop, service, "suspended_at = now()")

        async def bites() -> bool:
            return (await shop.send("GET", "/clients/me")).status == 403

        await until("the suspension bites", bites, timeout=5)
        yield token


@pytest.fixture
async def world(service: Service, shop: Shop, other_shop: Shop, operator_token: str, suspended_token: str) -> World:
    code = (await shop.create_posting())["tracking_code"]
    update = (await shop.update(code, "shipped")).json["id"]
    await shop.decided(update)
    owner = shop.headers["Authorization"]
    return World(
        service.url,
        {"CODE": code, "UPDATE": update, "EMAIL": shop.email, "CLIENT": await other_shop.id()},
        {
            "none": "",
            "malformed": "Bearer a.b.c",
            "forged": signed_again(owner, "x" * len(JWT_SECRET), older=timedelta()),
            "expired": signed_again(owner, JWT_SECRET, older=timedelta(days=1)),
            "suspended": suspended_token,
            "foreign": other_shop.headers["Authorization"],
            "operator": operator_token,
            # The last to ask: what an owner may do to its things may be their end.
            "owner": owner,
        },
    )


def test_every_operation_says_whose_it_is() -> None:
    assert ACCESS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operation_does_for_each_caller_what_the_table_says(world: World, name: str) -> None:
    outcomes = {credential: await world.outcome(name, credential) for credential in world.credentials}
    assert outcomes == EXPECTED[ACCESS[name]]


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
