"""The rule of refresh tokens, as a table, and what PostgreSQL makes of two uses at once."""

import asyncio
from datetime import timedelta

import pytest

from app.core.auth import AccessTokens
from app.db.database import Database, Row
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
async def client(connection: Connection) -> Row:
    """A client, as whoever signs in has just read it."""
    await insert(connection, "clients", {})
    row = await connection.fetchrow("SELECT id, role, password_hash FROM clients WHERE id = $1", CLIENT)
    assert row is not None
    return row


async def sign_in(database: Database, client: Row) -> str:
    """Begin a session, and its first refresh token."""
    async with database.transaction() as transaction:
        tokens = await session_service.start_session(transaction, RULES, client, scopes_of("client"))
    assert tokens is not None
    return tokens.refresh_token


@pytest.fixture
async def first(database: Database, client: Row) -> str:
    """The first refresh token of a session."""
    return await sign_in(database, client)


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


async def add_sessions(connection: Connection, count: int, *, first_ends: int) -> None:
    """So many sessions of the client, which end at intervals of a second: the first in so many seconds from now."""
    await connection.execute(
        """
        INSERT INTO sessions (id, client_id, scopes, token_hashes, created_at, expires_at)
        SELECT gen_random_uuid(), $1, '{account}', '{hash}', now() - interval '30 days', now() + n * interval '1 second'
          FROM generate_series($3::integer, $3 + $2::integer - 1) AS n
        """,
        CLIENT,
        count,
        first_ends,
    )


async def ends(connection: Connection) -> list[int]:
    """In about how many hundreds of seconds each session ends, in this order."""
    rows = await connection.fetch(
        "SELECT round(extract(epoch FROM expires_at - now()) / 100)::integer FROM sessions ORDER BY expires_at"
    )
    return [row[0] for row in rows]


async def test_of_a_thousand_sessions_a_new_one_ends_the_one_that_nobody_continued_for_longest(
    database: Database, connection: Connection, client: Row
) -> None:
    await add_sessions(connection, 999, first_ends=10_000)
    await add_sessions(connection, 1, first_ends=5_000)
    token = await sign_in(database, client)
    left = await ends(connection)
    assert len(left) == 1_000
    assert left[0] == 100, "the one that would have ended in 5 000 seconds is gone"
    assert await refresh(database, token) is not None


async def test_signing_in_at_once_leaves_no_more_than_that_once_it_is_over(
    database: Database, connection: Connection, client: Row
) -> None:
    await add_sessions(connection, 1_000, first_ends=10_000)
    tokens = await asyncio.gather(*(sign_in(database, client) for _ in range(10)))
    tokens.append(await sign_in(database, client))
    assert len(await ends(connection)) == 1_000
    assert all([await refresh(database, token) for token in tokens])


async def test_a_sign_in_clears_away_a_bounded_number_of_those_that_are_over(
    database: Database, connection: Connection, client: Row
) -> None:
    await add_sessions(connection, 250, first_ends=-100_000)
    left = []
    for _ in range(4):
        await sign_in(database, client)
        left.append(await connection.fetchval("SELECT count(*) FROM sessions WHERE expires_at < now()"))
    assert left == [150, 50, 0, 0]


async def test_a_sign_in_with_a_password_that_is_not_the_one_any_more_ends_nothing(
    database: Database, connection: Connection, client: Row
) -> None:
    await add_sessions(connection, 1_000, first_ends=10_000)
    await connection.execute("UPDATE clients SET password_hash = 'another'")
    async with database.transaction() as transaction:
        assert await session_service.start_session(transaction, RULES, client, scopes_of("client")) is None
    assert len(await ends(connection)) == 1_000
