"""Credentials are looked at once in a while: what is remembered of them is fresh, bounded, and holds only in their own time."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.core.api_keys import new_api_key
from app.core.auth import AccessTokens
from app.models.clients import Caller
from app.services import authentication
from app.services.authentication import ApiKeyDesk, Authenticator, Credential, SessionDesk
from app.services.errors import InsufficientScope, MistypedApiKey, NotAuthenticated
from app.services.lookup_desk import LookupDesk

SECRET = "another-secret-for-these-tests-0123456789"
TOKENS = AccessTokens(SECRET, lifetime=timedelta(minutes=5))
LEEWAY_SECONDS = 60
CLIENT = Caller(id=UUID(int=1), role="client")


class Sessions:
    """The sessions that go on, and which of them were asked for."""

    def __init__(self) -> None:
        self.going_on: set[UUID] = set()
        self.rounds: list[list[UUID]] = []
        desk: SessionDesk = LookupDesk(self._find)
        keys: ApiKeyDesk = LookupDesk(self._find_keys)
        self.authenticator = Authenticator(TOKENS, desk, keys)

    def begin(self) -> str:
        """The Authorization of a new session."""
        session = uuid4()
        self.going_on.add(session)
        return f"Bearer {TOKENS.issue(session, CLIENT.id, CLIENT.role, ['postings:read'])}"

    async def _find(self, asked: Sequence[UUID]) -> Mapping[UUID, Caller]:
        self.rounds.append(list(asked))
        return {session: CLIENT for session in asked if session in self.going_on}

    async def _find_keys(self, asked: Sequence[bytes]) -> Mapping[bytes, Credential]:
        raise AssertionError(f"{asked!r} was looked up")


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


async def test_a_credential_is_looked_at_once_for_many_requests(sessions: Sessions) -> None:
    header = sessions.begin()
    for _ in range(100):
        credential = await sessions.authenticator.authenticate(header)
        assert credential.caller == CLIENT
    assert len(sessions.rounds) == 1


async def test_credentials_that_come_together_share_a_query(sessions: Sessions) -> None:
    headers = [sessions.begin() for _ in range(50)]
    await asyncio.gather(*(sessions.authenticator.authenticate(header) for header in headers * 2))
    assert len(sessions.rounds) <= 2


async def test_a_session_that_has_ended_is_noticed_when_it_is_looked_at_again(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered, fresh = sessions.begin(), sessions.begin()
    await sessions.authenticator.authenticate(remembered)
    monkeypatch.setattr(authentication, "_REMEMBERED_SECONDS", 0.0)
    await sessions.authenticator.authenticate(fresh)
    sessions.going_on.clear()
    await sessions.authenticator.authenticate(remembered)  # for a moment it is taken still
    with pytest.raises(NotAuthenticated):
        await sessions.authenticator.authenticate(fresh)


async def test_what_is_remembered_holds_only_in_the_tokens_own_time(sessions: Sessions) -> None:
    header = sessions.begin()
    credential = await sessions.authenticator.authenticate(header)
    for ended_or_to_come in (replace(credential, ends=0.0), replace(credential, begins=float("inf"))):
        sessions.authenticator._remembered[header] = ended_or_to_come, float("inf")
        await sessions.authenticator.authenticate(header)
    assert len(sessions.rounds) == 3


async def test_a_token_whose_signature_was_verified_ends_in_its_time_nevertheless(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "_REMEMBERED_SECONDS", 0.0)
    over_soon = AccessTokens(SECRET, lifetime=timedelta(seconds=2 - LEEWAY_SECONDS))
    sessions.going_on.add(session := uuid4())
    header = f"Bearer {over_soon.issue(session, CLIENT.id, CLIENT.role, ['postings:read'])}"
    credential = await sessions.authenticator.authenticate(header)
    for _ in range(2):
        assert await sessions.authenticator.authenticate(header) == credential
    assert len(sessions.rounds) == 3
    await asyncio.sleep(credential.ends - time.time() + 0.01)
    with pytest.raises(NotAuthenticated):
        await sessions.authenticator.authenticate(header)


async def test_what_is_remembered_is_bounded(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "_MOST_REMEMBERED", 3)
    for _ in range(10):
        await sessions.authenticator.authenticate(sessions.begin())
        assert len(sessions.authenticator._remembered) <= 3
        assert len(sessions.authenticator._read_before) <= 3


async def test_a_header_that_was_made_long_is_taken_but_not_remembered(sessions: Sessions) -> None:
    header = sessions.begin()
    for spaces in range(60_000, 60_010):
        longer = f"BEARER {' ' * spaces}{header.removeprefix('Bearer ')}"
        assert (await sessions.authenticator.authenticate(longer)).caller == CLIENT
    assert not sessions.authenticator._remembered
    assert len(sessions.rounds) == 10


async def test_what_is_refused_is_not_remembered(sessions: Sessions) -> None:
    header = sessions.begin()
    session = next(iter(sessions.going_on))
    sessions.going_on.clear()
    with pytest.raises(NotAuthenticated):
        await sessions.authenticator.authenticate(header)
    sessions.going_on.add(session)
    assert (await sessions.authenticator.authenticate(header)).caller == CLIENT


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer a.b.c", "é"])
async def test_anything_else_is_refused_without_a_query(sessions: Sessions, header: str | None) -> None:
    with pytest.raises(NotAuthenticated):
        await sessions.authenticator.authenticate(header)
    assert sessions.rounds == []


async def test_a_mistyped_key_is_told_apart_without_a_query(sessions: Sessions) -> None:
    key = new_api_key()
    with pytest.raises(MistypedApiKey):
        await sessions.authenticator.authenticate(f"Bearer {key[:-1]}{'a' if key[-1] != 'a' else 'b'}")


async def test_a_credential_permits_what_its_scopes_say(sessions: Sessions) -> None:
    credential = await sessions.authenticator.authenticate(sessions.begin())
    assert credential.permit("postings:read") == CLIENT
    for scope in ("postings:write", "account", "admin", "postings", ""):
        with pytest.raises(InsufficientScope):
            credential.permit(scope)
