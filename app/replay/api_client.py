"""Sends requests as a careful client does: what was not answered is repeated, with patience and a bound."""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic
from typing import Any, Final, Self

import aiohttp

from app.replay.answers import Answer
from app.replay.errors import ApiGoneError, NoAnswerError, ReplayError

ATTEMPT_SECONDS: Final = 15.0
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
REPEATABLE: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class ApiClient:
    """One API at one address; every request may be repeated, so writes must carry an Idempotency-Key."""

    def __init__(self, url: str, chance: random.Random, *, patience: float = 60.0) -> None:
        self._url = url.rstrip("/")
        self._chance = chance
        self._patience = patience
        self._last_useful_answer = monotonic()
        self.repetitions = 0
        # Who sends bounds the concurrency; connections are dropped before uvicorn drops them idle (5 s).
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "postagens-replay"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def require_alive(self) -> None:
        """Raises ReplayError, in a sentence for people, when no API lives at the address."""
        try:
            answer = await self._attempt("GET", "/health/live", seconds=5)
        except (aiohttp.ClientError, OSError) as error:
            raise ReplayError(f"Nothing answers at {self._url}: start it with `make up`.") from error
        if answer.status != HTTPStatus.OK:
            raise ReplayError(f"What answers at {self._url} is no living Postagens API ({answer.summary}).")

    async def call(self, method: str, path: str, **request: Any) -> Answer:
        """The first useful answer to the request (`json`, `data`, `params`, `headers` as aiohttp takes them).

        Overload, a server's error, a cut connection or silence are no useful answer: the request is repeated, and given
        up with NoAnswerError after about a minute, with ApiGoneError when nobody was answered in that minute.
        """
        path = f"/api/v1{path}"
        began = monotonic()
        deadline = began + self._patience
        backoff = FIRST_PAUSE
        while True:
            pause = backoff * self._chance.uniform(0.5, 1)
            try:
                answer = await self._attempt(
                    method, path, seconds=min(ATTEMPT_SECONDS, max(0.1, deadline - monotonic())), **request
                )
            except (aiohttp.ClientError, OSError) as error:
                reason = f"{method} {path}: no answer ({type(error).__name__})"
            else:
                if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status not in REPEATABLE:
                    self._last_useful_answer = monotonic()
                    return answer
                reason = answer.summary
                pause += answer.retry_after
            if monotonic() + pause >= deadline:
                raise self._given_up(began, reason)
            self.repetitions += 1
            await asyncio.sleep(pause)
            backoff = min(LONGEST_PAUSE, backoff * 2)

    def _given_up(self, began: float, reason: str) -> Exception:
        silence = monotonic() - self._last_useful_answer
        # A long Retry-After ends one request early; only real silence, as long as a request's patience, ends them all.
        if self._last_useful_answer < began and silence > self._patience - 2 * LONGEST_PAUSE:
            return ApiGoneError(f"{self._url} has answered nothing useful for {silence:.0f} s; last {reason}")
        return NoAnswerError(reason)

    async def _attempt(self, method: str, path: str, *, seconds: float, **request: Any) -> Answer:
        began = monotonic()
        async with self._session.request(
            method, self._url + path, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=seconds), **request
        ) as response:
            text = await response.read()
            return Answer(
                request=f"{method} {path}",
                status=response.status,
                text=text,
                seconds=monotonic() - began,
                retry_after=seconds_to_wait(response.headers),
            )


def seconds_to_wait(headers: Mapping[str, str]) -> float:
    """What Retry-After asks for (RFC 9110, 10.2.3: seconds or a date), 0 where it asks for nothing readable."""
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
