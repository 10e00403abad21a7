"""What goes through Redis or Valkey: hints, which postings have a status update waiting, and which postings have changed.

Only commands that Redis 7.2 and Valkey 8 have. Losing the server, or all its data, loses nothing but time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple, TypeVar

from hiredis import pack_command
from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from typing_extensions import override

T = TypeVar("T")

RedisFailure: Final = (RedisError, OSError)
"""What a command can raise when the server is gone, full, loading or not answering in time."""

_GROUP: Final = "posting-status-workers"
# Beyond this many hints the oldest are dropped: the sweep finds what they were about.
_MOST_HINTS: Final = 100_000
_FIELD: Final = "posting_ids"
# More would gain nothing, and several workers could not share what is sent together.
MOST_POSTINGS_A_HINT: Final = 50
_MOST_ARGUMENTS: Final = 1_000
_PING_SECONDS: Final = 0.5
_CLOSE_SECONDS: Final = 0.5
# A server that has said nothing for so long is asked whether it is there, and has as long again to answer.
_SILENCE_SECONDS: Final = 2.0


class _QuickConnection(Connection):
    """A connection that writes commands in C: redis-py's own way takes longer for an acknowledgement than Redis itself does."""

    @override
    def pack_command(self, *args: Any) -> list[bytes]:
        name, *arguments = args
        return [pack_command((*name.split(), *arguments))]


@asynccontextmanager
async def open_redis(url: str, *, timeout_seconds: float) -> AsyncIterator["Redis"]:
    """Yield a client that waits at most `timeout_seconds` for any answer and never repeats a command by itself."""
    client: Redis = Redis.from_url(
        url,
        connection_class=_QuickConnection,  # over TLS the address chooses redis-py's own
        protocol=3,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
    try:
        yield client
    finally:
        # A server that is asleep does not keep us: what it has not taken by now is lost.
        with suppress(*RedisFailure):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await client.aclose()


async def _answer_to(command: Awaitable[T]) -> T:
    """The answer; a connection that is closed in the very moment of writing is a lost one, which uvloop tells as a RuntimeError."""
    try:
        return await command
    except RuntimeError as error:
        raise RedisConnectionError(str(error)) from error


class Hint(NamedTuple):
    """One entry of the stream: some postings that have a status update waiting."""

    entry_id: str
    posting_ids: Sequence[int]


class HintStream:
    """One of the streams, with its consumer group."""

    def __init__(self, redis: "Redis", number: int) -> None:
        self._redis = redis
        for command in ("XREADGROUP", "XAUTOCLAIM"):
            redis.set_response_callback(command, _as_it_comes)
        self.key: Final = f"postagens:v1:{{q{number}}}:status-updates"

    async def answers(self) -> bool:
        """Whether the server is there, and not asleep."""
        try:
            async with asyncio.timeout(_PING_SECONDS):
                return bool(await _answer_to(self._redis.ping()))
        except RedisFailure:  # TimeoutError is an OSError
            return False

    async def add(self, posting_ids: Sequence[int]) -> None:
        """Append hints for these postings."""
        if len(posting_ids) <= MOST_POSTINGS_A_HINT:  # most often; a pipeline takes half as long again
            await _answer_to(self._append(self._redis, posting_ids))
            return
        pipeline = self._redis.pipeline(transaction=False)
        for start in range(0, len(posting_ids), MOST_POSTINGS_A_HINT):
            self._append(pipeline, posting_ids[start : start + MOST_POSTINGS_A_HINT])
        await _answer_to(pipeline.execute())

    def _append(self, redis: "Redis", posting_ids: Sequence[int]) -> Any:
        return redis.xadd(self.key, {_FIELD: " ".join(map(str, posting_ids))}, maxlen=_MOST_HINTS)

    async def create_group(self) -> None:
        """Make the consumer group, and the stream with it, where it is missing."""
        try:
            await _answer_to(self._redis.xgroup_create(self.key, _GROUP, id="0", mkstream=True))
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def read(self, consumer: str, *, count: int, block_ms: int) -> list[Hint]:
        """Hints that no consumer has had, waiting up to `block_ms` for the first; makes the group when it is gone."""
        return await self._read(consumer, ">", count=count, block_ms=block_ms)

    async def read_again(self, consumer: str, *, count: int) -> list[Hint]:
        """Hints that this consumer had and did not acknowledge."""
        return await self._read(consumer, "0", count=count, block_ms=None)

    async def _read(self, consumer: str, start: str, *, count: int, block_ms: int | None) -> list[Hint]:
        try:
            answer: Any = await _answer_to(
                self._redis.xreadgroup(_GROUP, consumer, {self.key: start}, count=count, block=block_ms)
            )
        except ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            await self.create_group()
            return []
        return [hint for entries in (answer or {}).values() for hint in _hints(entries)]

    async def take_over(self, consumer: str, *, idle_ms: int, count: int) -> list[Hint]:
        """Hints that another consumer has had for longer than `idle_ms`: it is dead, or as good as."""
        try:
            answer: Any = await _answer_to(
                self._redis.xautoclaim(self.key, _GROUP, consumer, min_idle_time=idle_ms, count=count)
            )
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            return []
        return _hints(answer[1])

    async def acknowledge(self, hints: Sequence[Hint]) -> None:
        """The hints are done with: take them out of the group and out of the stream."""
        for start in range(0, len(hints), _MOST_ARGUMENTS):
            ids = [hint.entry_id for hint in hints[start : start + _MOST_ARGUMENTS]]
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.xack(self.key, _GROUP, *ids)
            pipeline.xdel(self.key, *ids)
            await _answer_to(pipeline.execute())

    async def forget_idle_consumers(self, *, idle_ms: int) -> None:
        """Remove consumers that hold nothing and have not been heard of for `idle_ms`: each start of a worker makes one."""
        try:
            consumers: Any = await _answer_to(self._redis.xinfo_consumers(self.key, _GROUP))
        except ResponseError:
            return
        for consumer in consumers:
            if not consumer["pending"] and consumer["idle"] > idle_ms:
                await _answer_to(self._redis.xgroup_delconsumer(self.key, _GROUP, consumer["name"]))


@asynccontextmanager
async def open_streams(url: str, *, count: int, timeout_seconds: float) -> AsyncIterator[list[HintStream]]:
    """Yield all `count` streams of hints on one client; `timeout_seconds` as in open_redis."""
    async with open_redis(url, timeout_seconds=timeout_seconds) as redis:
        yield [HintStream(redis, number) for number in range(count)]


class ChangeChannel:
    """Tells whoever listens at that moment which postings have a new step; it is kept for nobody."""

    key: Final = "postagens:v1:changed-postings"

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def add(self, posting_ids: Sequence[int]) -> None:
        """Tell of these postings, all in one message."""
        await _answer_to(self._redis.publish(self.key, " ".join(map(str, posting_ids))))

    async def listen(self) -> AsyncGenerator[list[int]]:
        """The postings of each message, without end. The first item is empty: what is told from then on is heard.

        Raises one of RedisFailure when it is heard no longer; also when the server has fallen silent.
        """
        async with self._redis.pubsub() as channel:
            await _answer_to(channel.subscribe(self.key))
            asked = False
            while True:
                message: Any = await _answer_to(channel.get_message(timeout=_SILENCE_SECONDS))
                if message is not None and message["type"] in ("subscribe", "message"):
                    yield _numbers(message["data"]) if message["type"] == "message" else []
                if asked and message is None:
                    raise RedisConnectionError("the server has fallen silent")
                asked = message is None
                if asked:
                    await _answer_to(channel.ping())


@asynccontextmanager
async def open_change_channel(url: str, *, timeout_seconds: float) -> AsyncIterator[ChangeChannel]:
    """Yield the channel on a client of its own; `timeout_seconds` as in open_redis."""
    async with open_redis(url, timeout_seconds=timeout_seconds) as redis:
        yield ChangeChannel(redis)


class UsedQuotas:
    """What all processes have used of each quota, as the moment at which it is whole again, by the server's clock."""

    # Each key goes by itself when its quota is whole again. All in one script, so that nothing comes between; KEYS, and for each the
    # seconds that were used.
    _ADD: Final = """
        local time = redis.call('TIME')
        local now = time[1] + time[2] / 1000000
        local used = {}
        for i, key in ipairs(KEYS) do
            local before = math.max(tonumber(redis.call('GET', key) or now), now)
            local seconds = before + ARGV[i] - now
            if seconds > 0 then
                redis.call('SET', key, string.format('%.6f', now + seconds), 'PX', math.ceil(seconds * 1000))
            else
                redis.call('DEL', key)
            end
            used[i] = string.format('%.6f', seconds)
        end
        return used
    """
    _MOST_AT_ONCE: Final = 450

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def add(self, used: Sequence[tuple[str, float]]) -> list[float]:
        """Add so many seconds to each; in how many seconds each is whole again, in the same order."""
        pipeline = self._redis.pipeline(transaction=False)
        for start in range(0, len(used), self._MOST_AT_ONCE):
            some = used[start : start + self._MOST_AT_ONCE]
            keys = [f"postagens:v1:{{quotas}}:{key}" for key, _ in some]
            pipeline.eval(self._ADD, len(keys), *keys, *(f"{seconds:.6f}" for _, seconds in some))
        answers: list[list[bytes]] = await _answer_to(pipeline.execute())
        return [float(seconds) for answer in answers for seconds in answer]


class SignInPlaces:
    """From where accounts have been signed in at, each for so long."""

    _KEPT_SECONDS: Final = 90 * 24 * 3600

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def add(self, places: Sequence[str]) -> None:
        """Keep these, from now on for the whole time."""
        pipeline = self._redis.pipeline(transaction=False)
        for place in places:
            pipeline.set(_key_of_place(place), 1, ex=self._KEPT_SECONDS)
        await _answer_to(pipeline.execute())

    async def has(self, place: str) -> bool:
        """Whether this one is kept."""
        return bool(await _answer_to(self._redis.exists(_key_of_place(place))))


def _key_of_place(place: str) -> str:
    return f"postagens:v1:{{quotas}}:signed-in:{place}"


@asynccontextmanager
async def open_quotas(url: str, *, timeout_seconds: float) -> AsyncIterator[tuple[UsedQuotas, SignInPlaces]]:
    """Yield both on a client of their own; `timeout_seconds` as in open_redis."""
    async with open_redis(url, timeout_seconds=timeout_seconds) as redis:
        yield UsedQuotas(redis), SignInPlaces(redis)


def _as_it_comes(response: Any, **_options: Any) -> Any:
    """For an answer of which redis-py would make dictionaries first: that costs as much as all that is done with them."""
    return response


def _hints(entries: Sequence[tuple[bytes, Sequence[bytes] | None]]) -> list[Hint]:
    """The entries as hints; one that is not of ours (or was deleted while pending) is for no posting."""
    return [
        Hint(entry_id.decode(), _numbers(fields[1]) if fields and fields[0] == _FIELD.encode() else [])
        for entry_id, fields in entries
    ]


def _numbers(words: bytes) -> list[int]:
    return [int(word) for word in words.split() if word.isdigit()]
