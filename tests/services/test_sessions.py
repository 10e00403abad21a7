"""The rule of refresh tokens, as a table, and what PostgreSQL makes of two uses at once."""

import asyncio
from datetime import timedelta

import pytest

from app.core.auth import AccessTokens
from app.db.database import Database
from app.models.audit import Source
from app.models.auth import Tokens
from app.models.scopes import scopes_of
from app.services import session_service
from app.services.errors import InvalidGrant
from app.services.session_service import SessionRules, Use, judge_use
from tests.db.rows import CLIENT, Connection, insert
from tests.service import JWT_SECRET

RULES = SessionRules(AccessTokens(JWT_SECRET, lifetime=timedelta(minutes=15)), timedelta(days=30))
NEXT, OTHER, SPENT, UNKNOWN = b"next", b"other", b"spent", b"unknown"


@pytest.mark.parametrize(
    ("used", "good", "just_rotated", "expired", "use"),
    [
        (NEXT, [NEXT], True, False, Use.ROTATES),
        (NEXT, [NEXT], False, False, Use.ROTATES),
        (NEXT, [NEXT, OTHER], True, False, Use.ROTATES),
        (OTHER, [NEXT, OTHER], False, False, Use.ROTATES),
        (SPENT, [NEXT], True, False, Use.REPEATS),
        (SPENT, [NEXT], False, False, Use.ENDS_THE_SESSION),
        (SPENT, [NEXT, OTHER], True, False, Use.ENDS_THE_SESSION),
        (UNKNOWN, [NEXT], True, False, Use.ENDS_THE_SESSION),
        (NEXT, [NEXT], True, True, Use.ENDS_THE_SESSION),
        (SPENT, [NEXT], True, True, Use.ENDS_THE_SESSION),
    ],
)
def test_what_the_use_of_a_token_comes_to(
    used: bytes, good: list[bytes], just_rotated: bool, expired: bool, use: Use
) -> None:
    assert judge_use(used, good, SPENT, just_rotated=just_rotated, expired=expired) is use


def test_before_the_first_use_no_token_is_spent() -> None:
    assert judge_use(UNKNOWN, [NEXT], None, just_rotated=True, expired=False) is Use.ENDS_THE_SESSION


@pytest.fixture
async def first(connection: Connection, database: Database) -> str:
    """The first refresh token of a session."""
    await insert(connection, "clients", {})
    client = await connection.fetchrow("SELECT id, role, password_hash FROM clients WHERE id = $1", CLIENT)
    assert client is not None
    async with database.transaction() as transaction:
        tokens = await session_service.start_session(transaction, RULES, client, scopes_of("client"))
    assert tokens is not None
    return tokens.refresh_token


async def refresh(database: Database, token: str) -> Tokens | None:
    try:
        return await session_service.refresh_session(database, RULES, Source(), token, "")
    except InvalidGrant:
        return None


async def test_of_many_uses_at_once_two_are_answered_and_the_third_ends_the_session(
    database: Database, first: str
) -> None:
    answers = await asyncio.gather(*(refresh(database, first) for _ in range(6)))
    given = [answer.refresh_token for answer in answers if answer]
    assert len(given) == 2
    for token in given:
        assert await refresh(database, token) is None


async def test_two_uses_at_once_as_of_an_impatient_caller_leave_it_two_good_tokens(
    database: Database, first: str
) -> None:
    one, other = await asyncio.gather(refresh(database, first), refresh(database, first))
    assert one is not None
    assert other is not None
    third = await refresh(database, other.refresh_token)
    assert third is not None
    # The other answer was for nobody: whoever uses it now is not the one who went on.
    assert await refresh(database, one.refresh_token) is None
    assert await refresh(database, third.refresh_token) is None
