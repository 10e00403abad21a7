"""One seller as a client of the API: registers, logs in, and speaks with its own token."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

from app.replay.answers import Answer, Postings, PostingSeen, StatusUpdates, Token, UpdateSeen
from app.replay.api_client import ApiClient

PAGE: Final = 200


def credentials(seller_id: str, run: str) -> tuple[str, str]:
    """A seller's e-mail and password: both follow from the run's name, so that the same run finds the account again."""
    # Other shops' names may begin alike or hold what no e-mail address can.
    digest = hashlib.sha256(seller_id.encode()).hexdigest()
    handle = seller_id if re.fullmatch(r"[0-9a-f]{32}", seller_id) else digest
    return f"{handle[:12]}.{run}@replay.example.com", hashlib.sha256(f"{run}:{seller_id}".encode()).hexdigest()


class Account:
    """A seller's account."""

    def __init__(self, api: ApiClient, *, seller_id: str, run: str) -> None:
        self.seller_id = seller_id
        self._api = api
        self._email, self._password = credentials(seller_id, run)
        self._token = ""
        self._renewing = asyncio.Lock()

    async def open(self) -> None:
        """Registers, unless an earlier play of the same run has, and logs in."""
        name = f"Vendedor {self.seller_id[:8]}"
        answer = await self._api.call(
            "POST", "/clients", json={"name": name, "email": self._email, "password": self._password}
        )
        if answer.problem.code != "email_taken":
            answer.require(HTTPStatus.CREATED)
        await self._log_in()

    async def call(self, method: str, path: str, *, key: str | None = None, **request: Any) -> Answer:
        """What ApiClient.call does, as this client; an expired token is renewed on the way."""
        token = self._token
        answer = await self._authorized(token, method, path, key, request)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            async with self._renewing:
                if self._token == token:
                    await self._log_in()
            answer = await self._authorized(self._token, method, path, key, request)
        return answer

    async def status_updates(self) -> AsyncIterator[UpdateSeen]:
        """All status updates of this client, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = (await self._page("/status-updates", cursor)).read(StatusUpdates)
            for update in page.status_updates:
                yield update
            cursor = page.next_cursor

    async def postings(self) -> AsyncIterator[PostingSeen]:
        """All postings of this client, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = (await self._page("/postings", cursor)).read(Postings)
            for posting in page.postings:
                yield posting
            cursor = page.next_cursor

    async def _page(self, path: str, cursor: str) -> Answer:
        params = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
        return (await self.call("GET", path, params=params)).require(HTTPStatus.OK)

    async def _authorized(self, token: str, method: str, path: str, key: str | None, request: dict[str, Any]) -> Answer:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        return await self._api.call(method, path, headers=headers, **request)

    async def _log_in(self) -> None:
        form = {"grant_type": "password", "username": self._email, "password": self._password}
        answer = await self._api.call("POST", "/auth/token", data=form)
        self._token = answer.require(HTTPStatus.OK).read(Token).access_token
