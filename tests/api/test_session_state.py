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
    registration = {"name": "Loja", "email": EMAIL, "password": PASSWORD}
    await send(app, "POST", "/api/v1/clients", json.dumps(registration).encode(), **JSON)
    await connection.execute("UPDATE clients SET role = 'operator'")
    form = f"grant_type=password&username={EMAIL}&password={PASSWORD.replace(' ', '+')}"
    _, _, body = await send(app, "POST", "/api/v1/auth/token", form.encode(), **FORM)
    return f"Bearer {json.loads(body)['access_token']}"


async def test_whatever_is_asked_every_connection_is_left_as_it_was_made(
    app: FastAPI, token: str, connection: Connection
) -> None:
    asked = json.dumps(POSTING).encode()
    _, _, body = await send(app, "POST", "/api/v1/postings", asked, authorization=token, **JSON)
    code = json.loads(body)["tracking_code"]
    path = f"/api/v1/postings/{code}/status"
    _, _, body = await send(app, "PATCH", path, b'{"status":"shipped"}', authorization=token, **JSON)
    named = {"CODE": code, "UPDATE": json.loads(body)["id"], "EMAIL": EMAIL}
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
        statuses = dict(zip(OPERATIONS, await asyncio.gather(*map(ask, OPERATIONS)), strict=True))
        assert max(statuses.values()) < 500, statuses
        await asyncio.gather(decide(), decide())
        assert await connection.fetchval("SELECT status FROM postings WHERE tracking_code = $1", code) == "shipped"
    async with connection.transaction():
        await connection.execute("LOCK TABLE postings, status_updates IN ACCESS EXCLUSIVE MODE")
        assert (await send(app, "POST", "/api/v1/postings", asked, authorization=token, **JSON))[0] == 503

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
