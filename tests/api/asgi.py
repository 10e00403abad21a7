"""An application of this very process, and requests that are handed to it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import PostgresDsn, RedisDsn, SecretStr
from starlette.types import ASGIApp, Message, Scope

from app.config import Settings
from app.embedded.server import Server
from app.main import create_app
from tests.service import JWT_SECRET, WEBHOOK_SECRET_KEYS

JSON: Final = {"content-type": "application/json"}


def make_app(database_url: str, valkey: Server) -> FastAPI:
    """The application on these servers, whose answers do not tell how many there were; its lifespan is the caller's."""
    return create_app(
        Settings(
            database_url=PostgresDsn(database_url),
            redis_url=RedisDsn(valkey.url),
            jwt_secret=SecretStr(JWT_SECRET),
            webhook_secret_keys=(SecretStr(WEBHOOK_SECRET_KEYS),),
            rate_limit_per_client=0,
            rate_limit_per_address=0,
        )
    )


def request(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Scope:
    """A request as a server would hand it on."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"content-length", b"%d" % len(body)),
            *((name.lower().encode(), value.encode()) for name, value in headers.items()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def send(app: ASGIApp, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, bytes]:
    """Status, headers and body of the answer."""
    named = {name.replace("_", "-"): value for name, value in {"x_request_id": "one", **headers}.items()}
    return await pass_on(app, request(method, path, body, named), body)


async def pass_on(app: ASGIApp, scope: Scope, body: bytes = b"") -> tuple[int, Any, bytes]:
    """The same for a request that a server hands on."""
    answered: list[Message] = []
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # the caller stays, and says nothing more
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def collect(message: Message) -> None:
        await asyncio.sleep(0)
        answered.append(message)

    await app(scope, receive, collect)
    return (
        answered[0]["status"],
        answered[0]["headers"],
        b"".join(message.get("body", b"") for message in answered[1:]),
    )
