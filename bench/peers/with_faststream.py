"""FastStream in batch mode on a Redis stream: the only one that can hand over many messages at once."""

from typing import Final

import asyncpg
from faststream import ContextRepo, FastStream
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis
from work import DATABASE_URL, DECIDE, REDIS_URL

_STREAM: Final = "updates"
_GROUP: Final = "workers"
_AT_ONCE: Final = 500

broker: Final = RedisBroker(REDIS_URL)
app: Final = FastStream(broker)


@app.on_startup
async def open_pool(context: ContextRepo) -> None:
    """Connect."""
    context.set_global("pool", await asyncpg.create_pool(DATABASE_URL, min_size=1, max_size=10))


@broker.subscriber(
    stream=StreamSub(_STREAM, group=_GROUP, consumer="one", batch=True, max_records=_AT_ONCE, last_id=">")
)
async def decide(posting_ids: list[int]) -> None:
    """Decide what waits for all of these postings."""
    await app.context.get("pool").execute(DECIDE, posting_ids)


async def fill(posting_ids: list[int]) -> None:
    """A message for each, behind a group that has read nothing."""
    redis = Redis.from_url(REDIS_URL)
    await redis.xgroup_create(_STREAM, _GROUP, id="0", mkstream=True)
    await redis.aclose()
    await broker.connect()
    for posting_id in posting_ids:
        await broker.publish(posting_id, stream=_STREAM)
    await broker.stop()
