"""The ordinary way to write this API, as FastAPI's guide shows it: `python -m bench.rivals.ordinary PORT`.

Dependencies, pydantic models in and out, a JWT verified for each request, one commit and one redis-py call for each update.
"""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import jwt
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, Field
from redis.asyncio import Redis

from app.core.ids import new_id
from bench.rivals.serving import serve

_SECRET: Final = os.environ.get("JWT_SECRET", "")
_STREAM: Final = "ordinary"
bearer: Final = OAuth2PasswordBearer(tokenUrl="token")


class StatusChange(BaseModel):
    """What a caller asks for."""

    status: Literal["shipped", "delivered", "returned", "cancelled"]
    description: str | None = Field(default=None, max_length=500)


class Update(BaseModel):
    """What is answered."""

    id: UUID
    tracking_code: str
    status: str
    description: str | None
    state: str
    accepted_at: datetime


class Step(BaseModel):
    """One step of the history."""

    status: str
    occurred_at: datetime
    city: str | None
    uf: str | None
    description: str | None


class Tracking(BaseModel):
    """What the public sees."""

    tracking_code: str
    status: str
    service: str
    posted_at: datetime
    destination_city: str
    destination_uf: str
    steps: list[Step]


class Posting(BaseModel):
    """What the owner sees."""

    tracking_code: str
    status: str
    service: str
    weight_g: int
    volume_cm3: int
    posted_at: datetime
    created_at: datetime
    sender: dict[str, Any]
    recipient: dict[str, Any]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect, and disconnect."""
    app.state.redis = Redis.from_url(os.environ["REDIS_URL"])
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10) as app.state.pool:
        yield
    await app.state.redis.aclose()


app: Final = FastAPI(lifespan=lifespan)


async def caller(token: Annotated[str, Depends(bearer)]) -> UUID:
    """Who asks."""
    try:
        return UUID(jwt.decode(token, _SECRET, algorithms=["HS256"], audience="postagens")["sub"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error


async def connection(request: Request) -> AsyncIterator[Any]:
    """A connection for the time of the request."""
    async with request.app.state.pool.acquire() as taken:
        yield taken


CallerDep = Annotated[UUID, Depends(caller)]
ConnectionDep = Annotated[Any, Depends(connection)]


@app.patch("/postings/{tracking_code}/status", status_code=202)
async def request_update(
    tracking_code: str, change: StatusChange, client: CallerDep, database: ConnectionDep, request: Request
) -> Update:
    """Accept one update: look, insert, commit, send."""
    async with database.transaction():
        posting = await database.fetchrow(
            "SELECT id, status FROM postings WHERE tracking_code = $1 AND client_id = $2", tracking_code, client
        )
        if posting is None:
            raise HTTPException(404)
        if posting["status"] not in {"pending", "shipped"}:
            raise HTTPException(409)
        row = await database.fetchrow(
            "INSERT INTO status_updates (id, posting_id, client_id, requested_by, status, description)"
            " VALUES ($1, $2, $3, $3, $4, $5) RETURNING id, state, accepted_at",
            *(new_id(), posting["id"], client, change.status, change.description),
        )
    await request.app.state.redis.xadd(_STREAM, {"posting_id": posting["id"]})
    return Update(tracking_code=tracking_code, **change.model_dump(), **dict(row))


@app.get("/tracking/{tracking_code}")
async def get_tracking(tracking_code: str, database: ConnectionDep) -> Tracking:
    """Two queries and models."""
    posting = await database.fetchrow(
        "SELECT id, tracking_code, status, service, posted_at, recipient ->> 'city' AS destination_city,"
        " recipient ->> 'uf' AS destination_uf FROM postings WHERE tracking_code = $1",
        tracking_code,
    )
    if posting is None:
        raise HTTPException(404)
    steps = await database.fetch(
        "SELECT status, occurred_at, city, uf, description FROM status_history WHERE posting_id = $1 ORDER BY seq",
        posting["id"],
    )
    return Tracking(**dict(posting), steps=[Step(**dict(step)) for step in steps])


@app.get("/postings/{tracking_code}")
async def get_posting(tracking_code: str, client: CallerDep, database: ConnectionDep) -> Posting:
    """One query and a model."""
    row = await database.fetchrow(
        "SELECT tracking_code, status, service, weight_g, volume_cm3, posted_at, created_at, sender, recipient"
        " FROM postings WHERE tracking_code = $1 AND client_id = $2",
        *(tracking_code, client),
    )
    if row is None:
        raise HTTPException(404)
    return Posting(**{**dict(row), "sender": json.loads(row["sender"]), "recipient": json.loads(row["recipient"])})


if __name__ == "__main__":
    serve(app, int(sys.argv[1]))
