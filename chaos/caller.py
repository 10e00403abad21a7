"""Sends requests as a careful client does: whatever was not answered is repeated with the same key, at the other API."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from chaos.ledger import NO_ANSWER, now

PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of clients that live for a minute
_ATTEMPT_SECONDS: Final = 10
_LONGEST_PAUSE_SECONDS: Final = 2.0
_REPEATED: Final = frozenset({NO_ANSWER, 401, 408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt: when it was sent and answered, and with what. Status 0 is no answer."""

    sent: float
    answered: float
    status: int
    body: Any = None
    retry_after: float = 0

    @property
    def code(self) -> str | None:
        """The problem's code."""
        return self.body.get("code") if isinstance(self.body, dict) else None

    @property
    def is_final(self) -> bool:
        """Whether there is nothing to repeat."""
        return self.status not in _REPEATED


class Caller:
    """One client of the service, which knows both of its APIs."""

    def __init__(self, session: aiohttp.ClientSession, urls: Sequence[str], email: str, chance: random.Random) -> None:
        self._session = session
        self._urls = urls
        self._email = email
        self._chance = chance
        self._token = ""

    async def attempt(
        self, method: str, path: str, body: object = None, *, key: str | None = None, form: dict[str, str] | None = None
    ) -> Answer:
        """Send once, to one of the APIs."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        sent = now()
        try:
            async with self._session.request(
                method, self._chance.choice(self._urls) + path, json=body, data=form, headers=headers
            ) as response:
                text = await response.read()
                answered = now()
                read = json.loads(text) if "json" in response.content_type else None
                return Answer(sent, answered, response.status, read, float(response.headers.get("Retry-After", 0)))
        except (aiohttp.ClientError, OSError, ValueError):
            return Answer(sent, now(), NO_ANSWER)

    async def insist(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        give_up: float,
        note: Callable[[Answer], None] = lambda _: None,
    ) -> Answer:
        """The final answer, or the last one when none came before `give_up`. `note` hears of every attempt."""
        while True:
            answer = await self.attempt(method, path, body, key=key)
            note(answer)
            if answer.is_final or now() > give_up:
                return answer
            if answer.status == 401:
                await self.sign_in()
            else:
                pause = min(answer.retry_after or 0.2, _LONGEST_PAUSE_SECONDS)
                await asyncio.sleep(pause * self._chance.uniform(0.5, 1))

    async def register(self) -> None:
        """Register at the first start, and sign in."""
        registration = {"name": "Loja", "email": self._email, "password": PASSWORD}
        await self.insist("POST", "/api/v1/clients", registration, give_up=now() + 60)
        await self.sign_in()

    async def sign_in(self) -> None:
        """Get an access token."""
        form = {"grant_type": "password", "username": self._email, "password": PASSWORD}
        self._token = ""
        for _ in range(100):
            answer = await self.attempt("POST", "/api/v1/auth/token", form=form)
            if answer.status == 200:
                self._token = answer.body["access_token"]
                return
            await asyncio.sleep(0.2)


@asynccontextmanager
async def calling(urls: Sequence[str], email: str, chance: random.Random) -> AsyncIterator[Caller]:
    """Yield a client that is registered and signed in."""
    timeout = aiohttp.ClientTimeout(total=_ATTEMPT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        caller = Caller(session, urls, email, chance)
        await caller.register()
        yield caller
