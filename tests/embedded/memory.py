"""Lets both servers remember a word, so that one test can ask both whether it survived."""

import asyncpg
from redis.asyncio import Redis


async def remember(url: str, word: str) -> None:
    if url.startswith("redis:"):
        async with Redis.from_url(url) as client:
            await client.set("word", word)
        return
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()


async def recall(url: str) -> str | None:
    if url.startswith("redis:"):
        async with Redis.from_url(url) as client:
            word = await client.get("word")
            return word.decode() if isinstance(word, bytes) else None
    connection = await asyncpg.connect(url)
    try:
        value: str | None = await connection.fetchval("SELECT word FROM words")
        return value
    finally:
        await connection.close()
