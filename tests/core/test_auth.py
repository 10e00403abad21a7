"""Passwords and access tokens."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import auth
from app.core.auth import AccessTokens, Passwords, TokenRefused
from app.models.clients import Role
from tests.properties import examples

SECRET: Final = "a-secret-for-the-tests-0123456789-xyz"
CLIENT: Final = UUID("019a0000-0000-7000-8000-000000000001")
TOKENS: Final = AccessTokens(SECRET, lifetime=timedelta(minutes=15))


def token(
    *,
    secret: str = SECRET,
    algorithm: str = "HS256",
    typ: str | None = "at+jwt",
    without: str | None = None,
    **changes: object,
) -> str:
    """A token as ours are made, but for the changes."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": "postagens",
        "aud": "postagens",
        "sub": str(CLIENT),
        "role": "client",
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=15),
        **changes,
    }
    claims.pop(without or "", None)
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"typ": typ})


def ago(**time: int) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


@pytest.mark.parametrize("role", ["client", "operator"])
def test_a_token_says_who_its_bearer_is(role: Role) -> None:
    assert TOKENS.read(TOKENS.issue(CLIENT, role)) == (CLIENT, role)


def test_a_token_lives_as_long_as_it_says() -> None:
    claims = jwt.decode(TOKENS.issue(CLIENT, "client"), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == TOKENS.lifetime_seconds == 900


def test_the_token_that_the_refusals_below_change_is_a_good_one() -> None:
    assert TOKENS.read(token()) == (CLIENT, "client")


def test_a_clock_that_is_a_little_off_does_no_harm() -> None:
    assert TOKENS.read(token(exp=ago(seconds=30))) == (CLIENT, "client")
    assert TOKENS.read(token(nbf=ago(seconds=-30), iat=ago(seconds=-30))) == (CLIENT, "client")


REFUSED: Final = {
    "signed with another secret": token(secret="another-secret-for-the-tests-0123456789"),
    "signed with another algorithm": token(algorithm="HS512", secret=SECRET * 2),
    "signed with HS384 and our secret": token(algorithm="HS384", secret=SECRET + "x" * 12),
    "expired beyond the leeway": token(exp=ago(seconds=90)),
    "not valid yet": token(nbf=ago(days=-1)),
    "issued in the future": token(iat=ago(days=-1)),
    "of another type": token(typ="JWT"),
    "of no type": token(typ=None),
    "for another service": token(aud="another"),
    "for many services but ours": token(aud=["another", "third"]),
    "from another service": token(iss="another"),
    "of no role": token(without="role"),
    "of an unknown role": token(role="admin"),
    "of two roles": token(role=["client", "operator"]),
    "of nobody": token(without="sub"),
    "of somebody without an id": token(sub="ana"),
    "of an empty id": token(sub=""),
    **{f"without {claim}": token(without=claim) for claim in ("iss", "aud", "iat", "nbf", "exp")},
    "empty": "",
    "no token": "abc",
    "three dots": "...",
    "not ASCII": "é.é.é",
    "with a line break": token() + "\n.",
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=[name.replace(" ", "_") for name in REFUSED])
def test_a_token_is_refused_that_is(refused: str) -> None:
    with pytest.raises(TokenRefused):
        TOKENS.read(refused)


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, "HS256"])
def test_a_token_without_a_signature_is_refused(algorithm: str | None) -> None:
    _, claims, _ = token().split(".")
    for signature in ("", "AAAA"):
        with pytest.raises(TokenRefused):
            TOKENS.read(f"{_part({'alg': algorithm, 'typ': 'at+jwt'})}.{claims}.{signature}")


@examples(100)
@given(st.data())
def test_a_token_with_a_changed_character_is_refused(data: st.DataObject) -> None:
    good = token()
    # The last character holds bits that base64 leaves unused.
    place = data.draw(st.integers(0, len(good) - 2))
    changed = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda character: character != good[place]))
    with pytest.raises(TokenRefused):
        TOKENS.read(good[:place] + changed + good[place + 1 :])


@examples(100)
@given(st.one_of(st.text(), st.lists(st.text("ABab01-_="), min_size=3, max_size=3).map(".".join)))
def test_no_text_makes_a_token_fail_in_another_way(text: str) -> None:
    with pytest.raises(TokenRefused):
        TOKENS.read(text)


@pytest.fixture(scope="module")
def passwords() -> Iterator[Passwords]:
    made = Passwords(threads=2)
    yield made
    made.close()


async def test_a_password_is_verified_against_its_hash(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse battery staple")
    assert await passwords.verify("correct horse battery staple", stored)
    assert not await passwords.verify("correct horse battery stapl", stored)
    assert not await passwords.verify("", stored)


async def test_a_hash_is_argon2id_at_the_strength_that_owasp_asks_for(passwords: Passwords) -> None:
    assert (await passwords.hash("correct horse")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_the_same_password_has_another_hash_each_time(passwords: Passwords) -> None:
    first, second = await asyncio.gather(passwords.hash("correct horse"), passwords.hash("correct horse"))
    assert first != second


async def test_nobody_has_a_password(passwords: Passwords) -> None:
    assert not await passwords.verify("nobody has this password", None)
    assert not await passwords.verify("correct horse", None)


@pytest.mark.parametrize("stored", ["", "-", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "plain"])
async def test_a_hash_that_cannot_be_read_belongs_to_no_password(passwords: Passwords, stored: str) -> None:
    assert not await passwords.verify("plain", stored)


async def test_an_unknown_user_is_told_no_faster_than_a_known_one(passwords: Passwords) -> None:
    """The fastest of several tries, since anything may slow one down; without hashing it would take a thousandth."""
    stored = await passwords.hash("correct horse")
    tries = [(await _seconds(passwords, stored), await _seconds(passwords, None)) for _ in range(8)]
    known, unknown = (min(times) for times in zip(*tries, strict=True))
    assert unknown > known / 10


async def _seconds(passwords: Passwords, stored: str | None) -> float:
    begun = asyncio.get_running_loop().time()
    await passwords.verify("wrong horse", stored)
    return asyncio.get_running_loop().time() - begun


async def test_passwords_with_any_characters_are_hashed(passwords: Passwords) -> None:
    stored = await passwords.hash("açaí 🐎 \t")
    assert await passwords.verify("açaí 🐎 \t", stored)


def test_what_is_remembered_of_a_token_holds_only_in_the_tokens_own_time() -> None:
    tokens = AccessTokens("another-secret-for-this-test-0123456789", lifetime=timedelta(minutes=5))
    foreign = TOKENS.issue(UUID(int=1), "client")
    forever, never = float("inf"), 0.0
    past_its_end, before_its_beginning = (never, never), (forever, forever)
    for fresh_until, own_time in ((forever, past_its_end), (forever, before_its_beginning), (never, (never, forever))):
        tokens._remembered[foreign] = ((UUID(int=1), "client"), fresh_until, own_time)
        with pytest.raises(TokenRefused):
            tokens.read(foreign)


def test_what_is_remembered_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_MOST_REMEMBERED", 3)
    tokens = AccessTokens("another-secret-for-this-test-0123456789", lifetime=timedelta(minutes=5))
    for number in range(10):
        assert tokens.read(tokens.issue(UUID(int=number), "client")) == (UUID(int=number), "client")
        assert len(tokens._remembered) <= 3
