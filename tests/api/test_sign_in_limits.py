"""A password cannot be guessed for long, and nobody can be locked out, nor find out who has an account."""

import asyncio
import itertools
import statistics
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from app.embedded.server import Server
from tests.databases import copied_database
from tests.service import Service, running_service
from tests.shop import PASSWORD, Answer, Shop
from tests.until import until

PER_PAIR: Final = 3
PER_ADDRESS: Final = 8
PER_ACCOUNT: Final = 5
LIMITS: Final = {
    "FAILED_SIGN_INS_PER_ACCOUNT_AND_ADDRESS": str(PER_PAIR),
    "FAILED_SIGN_INS_PER_ADDRESS": str(PER_ADDRESS),
    "FAILED_SIGN_INS_PER_ACCOUNT": str(PER_ACCOUNT),
    "TRUSTED_PROXIES": "127.0.0.1",
}
WRONG: Final = "wrong horse battery staple"
_NUMBERS: Final = itertools.count(1)


def address() -> str:
    """An address that nobody has asked from yet."""
    number = next(_NUMBERS)
    return f"198.51.{number // 250}.{number % 250}"


@pytest.fixture(scope="module")
async def processes(
    migrated_url: str, valkey: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Service]]:
    """Two API processes of one service; tests keep apart by their clients and addresses."""
    async with copied_database(migrated_url) as url, AsyncExitStack() as stack:
        start = partial(running_service, database_url=url, redis_url=valkey.url, workers=0, settings=LIMITS)
        folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
        yield [await stack.enter_async_context(start(folder)) for folder in folders]


@pytest.fixture
async def shop(processes: list[Service]) -> AsyncIterator[Shop]:
    """A client, which has signed in at the address that it comes from."""
    async with Shop(processes[0].url) as shop:
        shop.headers["X-Forwarded-For"] = address()
        await shop.register()
        yield shop


async def sign_in(shop: Shop, password: str = PASSWORD, *, email: str | None = None, at: str | None = None) -> Answer:
    """Try to sign in, from the shop's own address or from another."""
    headers = {} if at is None else {"X-Forwarded-For": at}
    form = {"grant_type": "password", "username": email or shop.email, "password": password}
    return await shop.send("POST", "/auth/token", data=form, headers=headers)


def nobody() -> str:
    """An e-mail without an account."""
    return f"{uuid.uuid4().hex}@shop.com.br"


def without_id(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but what differs each time, and how long to wait: each waits from its own first attempt."""
    changing = ("Date", "X-Request-ID", "RateLimit", "Retry-After")
    return answer.status, {name: value for name, value in answer.headers.items() if name not in changing}, answer.body


async def test_after_some_wrong_passwords_the_right_one_has_to_wait_too_at_that_address_alone(shop: Shop) -> None:
    there = address()
    answers = [await sign_in(shop, WRONG, at=there) for _ in range(PER_PAIR)]
    assert [answer.code for answer in answers] == ["invalid_credentials"] * PER_PAIR
    answer = await sign_in(shop, at=there)
    assert (answer.status, answer.code) == (429, "quota_exceeded")
    assert answer.json["violated-policies"] == ["sign-in"]
    assert 3600 / PER_PAIR - 60 < int(answer.headers["Retry-After"]) <= 3600 / PER_PAIR
    assert f'"sign-in";q={PER_PAIR};w=3600' in answer.headers.getall("RateLimit-Policy")  # type: ignore[attr-defined]
    assert (await sign_in(shop)).status == 200
    assert (await sign_in(shop, at=address())).status == 200


async def test_another_way_to_write_the_e_mail_is_no_other_account(processes: list[Service]) -> None:
    there = address()
    name = uuid.uuid4().hex
    ways = [
        f"{name}@xn--caf-dma.com.br",
        f"{name}@café.com.br",
        f"{name}@CAFE\u0301.com.br",
        f"{name}@\uff43\uff41\uff46é.com.br",
    ]
    async with Shop(processes[0].url) as guesser:
        answers = [await sign_in(guesser, WRONG, email=email, at=there) for email in ways]
    assert [answer.status for answer in answers] == [401] * PER_PAIR + [429]
    assert answers[-1].json["violated-policies"] == ["sign-in"]


async def test_many_guesses_at_once_are_no_more_guesses(shop: Shop) -> None:
    there = address()
    answers = await asyncio.gather(*(sign_in(shop, WRONG, at=there) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [401] * PER_PAIR + [429] * (20 - PER_PAIR)


async def test_who_signs_in_as_often_as_it_likes_is_not_told_to_wait(shop: Shop) -> None:
    for _ in range(PER_PAIR * 3):
        assert (await sign_in(shop)).status == 200


async def test_an_address_cannot_try_many_accounts(processes: list[Service]) -> None:
    async with Shop(processes[0].url) as guesser:
        there = address()
        answers = [await sign_in(guesser, WRONG, email=nobody(), at=there) for _ in range(PER_ADDRESS + 1)]
    assert [answer.status for answer in answers] == [401] * PER_ADDRESS + [429]
    assert answers[-1].json["violated-policies"] == ["sign-in-address"]


async def test_many_addresses_together_lock_out_nobody_who_signed_in_before(
    shop: Shop, processes: list[Service]
) -> None:
    for _ in range(PER_ACCOUNT):
        assert (await sign_in(shop, WRONG, at=address())).status == 401
    stranger = await sign_in(shop, at=address())
    assert stranger.json["violated-policies"] == ["sign-in-account"]
    # The owner, where it has signed in before: also at the other process, which has heard of it.
    assert (await sign_in(shop)).status == 200
    async with Shop(processes[1].url) as there:
        there.headers = {"X-Forwarded-For": shop.headers["X-Forwarded-For"]}

        async def let_in() -> bool:
            return (await sign_in(there, email=shop.email)).status == 200

        await until("the other process knows where the owner signed in", let_in)


async def test_tokens_and_keys_go_on_while_the_password_is_being_guessed(shop: Shop) -> None:
    key = (await shop.create_api_key("postings:read"))["key"]
    tokens = (await sign_in(shop)).json
    for _ in range(PER_PAIR):
        await sign_in(shop, WRONG)
    assert (await sign_in(shop)).status == 429
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await shop.send("POST", "/auth/token", data=refresh)).status == 200
    assert (await shop.send("GET", "/clients/me")).status == 200
    assert (await shop.send("GET", "/postings", headers={"Authorization": f"Bearer {key}"})).status == 200


async def test_whoever_holds_a_token_cannot_guess_the_password_with_it(shop: Shop) -> None:
    change: dict[str, Any] = {"current_password": WRONG, "new_password": "a dozen blue parcels by noon"}
    answers = [await shop.send("POST", "/clients/me/password", change) for _ in range(PER_PAIR + 1)]
    assert [answer.status for answer in answers] == [403] * PER_PAIR + [429]
    assert answers[-1].json["violated-policies"] == ["sign-in"]


async def test_processes_share_what_was_guessed(shop: Shop, processes: list[Service]) -> None:
    there = address()
    for _ in range(PER_PAIR):
        assert (await sign_in(shop, WRONG, at=there)).status == 401
    async with Shop(processes[1].url) as other:
        guesses = 0

        async def refused() -> bool:
            nonlocal guesses
            answer = await sign_in(other, WRONG, email=shop.email, at=there)
            guesses += answer.status == 401
            return answer.status == 429

        await until("the other process refuses to guess any more", refused)
        assert guesses <= PER_PAIR


async def test_an_unknown_user_is_answered_the_same_until_the_end(shop: Shop) -> None:
    there = address()
    unknown = nobody()
    begun = time.monotonic()
    for status in [401] * PER_PAIR + [429]:
        known_answer = await sign_in(shop, WRONG, at=there)
        unknown_answer = await sign_in(shop, WRONG, email=unknown, at=there)
        assert without_id(known_answer) == without_id(unknown_answer)
        assert known_answer.status == status
        known_wait, unknown_wait = (
            int(answer.headers.get("Retry-After", 0)) for answer in (known_answer, unknown_answer)
        )
        assert abs(known_wait - unknown_wait) <= 1 + time.monotonic() - begun


async def test_an_unknown_user_is_answered_in_the_same_time(database_url: str, valkey: Server, tmp_path: Path) -> None:
    """Many rounds in turns, so that whatever slows the machine down meets both; without the hashing an answer takes a tenth of the time."""
    rounds = 40
    async with (
        running_service(tmp_path, database_url=database_url, redis_url=valkey.url, workers=0) as service,
        Shop(service.url) as shop,
    ):
        await shop.register()
        emails = {"known": shop.email, "unknown": nobody()}
        took: dict[str, list[float]] = {name: [] for name in emails}
        for number in range(rounds):
            for name in sorted(emails, reverse=bool(number % 2)):
                began = time.perf_counter()
                assert (await sign_in(shop, WRONG, email=emails[name])).status == 401
                took[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times) for name, times in took.items()}
    assert 0.6 < medians["known"] / medians["unknown"] < 1.7, medians
