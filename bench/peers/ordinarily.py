"""The ordinary way, without any library: a list, BLPOP, and one transaction of plain statements for each message."""

import asyncio
from typing import Final

import asyncpg
from redis.asyncio import Redis
from work import DATABASE_URL, REDIS_URL

_LIST: Final = "updates"
_PATIENCE_SECONDS: Final = 1


async def decide(connection: "asyncpg.Connection[asyncpg.Record]", posting_id: int) -> None:
    """Decide the first update that waits for this posting, as the rule is written in the product's document."""
    async with connection.transaction():
        posting = await connection.fetchrow(
            "SELECT id, client_id, status, shipped_at, step_count FROM postings WHERE id = $1 FOR UPDATE", posting_id
        )
        update = await connection.fetchrow(
            "SELECT id, status, accepted_at, city, uf, description FROM status_updates"
            " WHERE posting_id = $1 AND state = 'queued' ORDER BY seq LIMIT 1",
            posting_id,
        )
        if posting is None or update is None or posting["status"] not in {"pending", "shipped"}:
            return
        shipped_at = posting["shipped_at"] or (update["accepted_at"] if update["status"] == "shipped" else None)
        seq = posting["step_count"] + 1
        await connection.execute(
            "UPDATE postings SET status = $2, status_at = $3, shipped_at = $4, step_count = $5 WHERE id = $1",
            *(posting_id, update["status"], update["accepted_at"], shipped_at, seq),
        )
        await connection.execute(
            "INSERT INTO status_history (posting_id, seq, client_id, update_id, status, occurred_at, city, uf, description)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            *(posting_id, seq, posting["client_id"], update["id"], update["status"], update["accepted_at"]),
            *(update["city"], update["uf"], update["description"]),
        )
        await connection.execute(
            "UPDATE status_updates SET state = 'applied', decided_at = statement_timestamp() WHERE id = $1",
            update["id"],
        )


async def work() -> None:
    """Take one message after the other, until killed."""
    connection = await asyncpg.connect(DATABASE_URL)
    redis = Redis.from_url(REDIS_URL)
    while True:
        if taken := await redis.blpop(_LIST, timeout=_PATIENCE_SECONDS):  # type: ignore[misc]  # its stubs serve both clients
            await decide(connection, int(taken[1]))


async def fill(posting_ids: list[int]) -> None:
    """A message for each."""
    redis = Redis.from_url(REDIS_URL)
    await redis.rpush(_LIST, *posting_ids)  # type: ignore[misc]  # as above
    await redis.aclose()


if __name__ == "__main__":
    asyncio.run(work())
