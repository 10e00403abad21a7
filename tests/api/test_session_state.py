"""No request leaves anything behind on its connection: that is why a connection needs no reset before the next request has it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from fastapi import FastAPI

from app.db.database import Database
from app.embedded.server import Server
from app.workers.posting_decider import PostingDecider
from tests.api.asgi import JSON, make_app, send
from tests.api.contract import OPERATIONS
from tests.api.requests import request_of
from tests.db.rows import Connection
from tests.shop import PASSWORD, POSTING

EMAIL: Final = "ti@lojaazul.com.br"
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}

_STATE: Final = """
SELECT format('%s = %s', name, setting) AS what FROM pg_settings
 UNION ALL
SELECT format('listens to %s', channel) FROM pg_listening_channels() AS channel
 UNION ALL
SELECT format('holds the lock %s', objid) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
 UNION ALL
SELECT format('has the temporary relation %s', relname) FROM pg_class WHERE relnamespace = pg_my_temp_schema()
 UNION ALL
SELECT format('has the cursor %s', name) FROM pg_cursors WHERE is_holdable
 UNION ALL
SELECT format('has the statement %s', name) FROM pg_prepared_statements WHERE from_sql
 UNION ALL
SELECT format('acts as %s', current_user)
"""


async def left_behind(database: Database, fresh: Connection) -> list[set[str]]:
    """For each connection of the pool, how its session differs from one in which nothing was done yet."""
    new = {row["what"] for row in await fresh.fetch(_STATE)}
    pool = database._pool
    size = pool._pool.get_size()
    taken = [await pool.take() for _ in range(size)]
    states = [{row["what"] for row in await connection.fetch(_STATE)} for connection in taken]
    assert pool._pool.get_size() == size
    for connection in taken:
        await pool.give_back(connection)
    return [state ^ new for state in states]


@pytest.fixture
async def app(database_url: str, valkey: Server) -> AsyncIterator[FastAPI]:
    made = make_app(database_url, valkey)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def token(app: FastAPI, connection: Connection) -> str:
    """The Authorization of one who may do everything."""
    await register(app, EMAIL)
    await connection.execute("UPDATE clients SET role = 'operator'")
    return await sign_in(app)


async def register(app: FastAPI, email: str) -> str:
    """The id of a new client."""
    registration = {"name": "Loja", "email": email, "password": PASSWORD}
    _, _, body = await send(app, "POST", "/api/v1/clients", json.dumps(registration).encode(), **JSON)
    return str(json.loads(body)["id"])


async def sign_in(app: FastAPI) -> str:
    """Another Authorization of the same."""
    form = f"grant_type=password&username={EMAIL}&password={PASSWORD.replace(' ', '+')}"
    _, _, body = await send(app, "POST", "/api/v1/auth/token", form.encode(), **FORM)
    return f"Bearer {json.loads(body)['access_token']}"


async def new_keys(app: FastAPI, token: str) -> dict[str, str]:
    """Two API keys."""
    asked = b'{"name": "ERP", "scopes": ["postings:read"]}'
    made = [
        await send(app, "POST", "/api/v1/clients/me/api-keys", asked, authorization=token, **JSON) for _ in range(2)
    ]
    return dict(zip(("APIKEY", "OLDKEY"), (str(json.loads(body)["id"]) for _, _, body in made), strict=True))


async def test_whatever_is_asked_every_connection_is_left_as_it_was_made(
    app: FastAPI, token: str, connection: Connection
) -> None:
    asked = json.dumps(POSTING).encode()
    _, _, body = await send(app, "POST", "/api/v1/postings", asked, authorization=token, **JSON)
    code = json.loads(body)["tracking_code"]
    path = f"/api/v1/postings/{code}/status"
    _, _, body = await send(app, "PATCH", path, b'{"status":"shipped"}', authorization=token, **JSON)
    named = {"CODE": code, "UPDATE": json.loads(body)["id"], "EMAIL": EMAIL, **(await new_keys(app, token))}
    named["CLIENT"] = await register(app, f"outra-{EMAIL}")
    for placeholder in ("ENDPOINT", "SPARE"):
        path, wanted = "/api/v1/webhooks/endpoints", b'{"url":"https://loja.example/webhooks"}'
        _, _, body = await send(app, "POST", path, wanted, authorization=token, **JSON)
        named[placeholder] = json.loads(body)["id"]
    _, _, body = await send(app, "POST", f"{path}/{named['ENDPOINT']}/test", authorization=token)
    named["DELIVERY"] = json.loads(body)["id"]
    database: Database = app.state.parts.database

    async def ask(name: str) -> int:
        request = request_of(OPERATIONS[name])
        address, content = request.address, request.body
        assert not hasattr(content, "__aiter__")
        for placeholder, value in named.items():
            address = address.replace(placeholder, value)
            content = content and content.replace(placeholder.encode(), value.encode())
        headers = {key.lower(): value for key, value in request.headers.items()}
        status, _, _ = await send(
            app, request.operation.method.upper(), address, content or b"", authorization=token, **headers
        )
        return status

    async def decide() -> None:
        await PostingDecider(database, max_attempts=1).decide(range(3))

    # The second time much of it is refused: a reference that is taken, a status that it has.
    for _ in range(2):
        names = OPERATIONS.keys() - {"delete_client"}
        statuses = dict(zip(names, await asyncio.gather(*map(ask, names)), strict=True))
        assert max(statuses.values()) < 500, statuses
        token = await sign_in(app)  # one of the operations has ended all sessions
        await asyncio.gather(decide(), decide())
        assert await connection.fetchval("SELECT status FROM postings WHERE tracking_code = $1", code) == "shipped"
    async with connection.transaction():
        await connection.execute("LOCK TABLE postings, status_updates IN ACCESS EXCLUSIVE MODE")
        assert (await send(app, "POST", "/api/v1/postings", asked, authorization=token, **JSON))[0] == 503
    assert await ask("delete_client") == 204

    states = await left_behind(database, connection)
    assert len(states) > 1
    assert states == [set()] * len(states)


@pytest.mark.parametrize(
    ("statement", "trace"),
    [
        ("SET lock_timeout = 7", {"lock_timeout = 0", "lock_timeout = 7"}),
        ("LISTEN bell", {"listens to bell"}),
        ("SELECT pg_advisory_lock(7)", {"holds the lock 7"}),
        ("CREATE TEMPORARY TABLE notes ()", {"has the temporary relation notes"}),
        ("DECLARE place CURSOR WITH HOLD FOR SELECT 1", {"has the cursor place"}),
        ("PREPARE asked AS SELECT 1", {"has the statement asked"}),
    ],
)
async def test_what_is_left_behind_would_be_seen(
    database: Database, connection: Connection, statement: Any, trace: set[str]
) -> None:
    await database.reader.fetch(statement)
    assert await left_behind(database, connection) == [trace]
