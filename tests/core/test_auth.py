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

from app.core.auth import AccessTokens, Passwords, TokenRefused
from app.models.clients import Role
from app.models.scopes import scopes_of
from tests.properties import examples

SECRET: Final = "a-secret-for-the-tests-0123456789-xyz"
CLIENT: Final = UUID("019a0000-0000-7000-8000-000000000001")
SESSION: Final = UUID("019a0000-0000-4000-8000-000000000002")
TOKENS: Final = AccessTokens(SECRET, lifetime=timedelta(minutes=15))
KID: Final = jwt.get_unverified_header(TOKENS.issue(SESSION, CLIENT, "client", []))["kid"]


def token(
    *,
    secret: str = SECRET,
    algorithm: str = "HS256",
    typ: str | None = "at+jwt",
    kid: str | None = KID,
    without: str | None = None,
    **changes: object,
) -> str:
    """A token as ours are made, but for the changes."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": "postagens",
        "aud": "postagens",
        "sub": str(CLIENT),
        "sid": str(SESSION),
        "scope": "account postings:read",
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=15),
        **changes,
    }
    claims.pop(without or "", None)
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"typ": typ, **({"kid": kid} if kid else {})})


def ago(**time: int) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


@pytest.mark.parametrize("role", ["client", "operator"])
def test_a_token_says_of_which_session_it_is_and_what_its_bearer_may_do(role: Role) -> None:
    claims = TOKENS.read(TOKENS.issue(SESSION, CLIENT, role, scopes_of(role)))
    assert claims.session_id == SESSION
    assert claims.scopes == set(scopes_of(role))
    assert ("admin" in claims.scopes) == (role == "operator")


def test_a_token_lives_as_long_as_it_says() -> None:
    claims = jwt.decode(TOKENS.issue(SESSION, CLIENT, "client", []), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == TOKENS.lifetime_seconds == 900


def test_the_token_that_the_refusals_below_change_is_a_good_one() -> None:
    claims = TOKENS.read(token())
    assert claims.session_id == SESSION
    assert claims.scopes == {"account", "postings:read"}


def test_a_scope_that_another_release_knows_is_worth_nothing_here() -> None:
    assert TOKENS.read(token(scope="postings:read parcels:launch")).scopes == {"postings:read"}


def test_what_the_key_before_signed_is_taken_while_another_takes_its_place() -> None:
    rotated = AccessTokens("the-secret-that-comes-next-0123456789", SECRET, lifetime=timedelta(minutes=15))
    before, after = TOKENS.issue(SESSION, CLIENT, "client", []), rotated.issue(SESSION, CLIENT, "client", [])
    assert rotated.read(before).session_id == rotated.read(after).session_id == SESSION
    with pytest.raises(TokenRefused):
        TOKENS.read(after)
    done = AccessTokens("the-secret-that-comes-next-0123456789", lifetime=timedelta(minutes=15))
    assert done.read(after).session_id == SESSION
    with pytest.raises(TokenRefused):
        done.read(before)


def test_a_clock_that_is_a_little_off_does_no_harm() -> None:
    for late_or_early in (token(exp=ago(seconds=30)), token(nbf=ago(seconds=-30), iat=ago(seconds=-30))):
        claims = TOKENS.read(late_or_early)
        assert claims.begins <= datetime.now(UTC).timestamp() < claims.ends


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
    "signed with a key of another id": token(kid="0123456789abcdef"),
    "signed with a key of no id": token(kid=None),
    "of nobody": token(without="sub"),
    "of a session without an id": token(sid="ana"),
    "of an empty session": token(sid=""),
    "of a numbered session": token(sid=7),
    "of many sessions": token(sid=[str(SESSION)]),
    **{f"without {claim}": token(without=claim) for claim in ("iss", "aud", "sid", "scope", "iat", "nbf", "exp")},
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
            TOKENS.read(f"{_part({'alg': algorithm, 'typ': 'at+jwt', 'kid': KID})}.{claims}.{signature}")


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
