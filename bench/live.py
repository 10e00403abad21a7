"""What open streams cost, and how soon an update is on an open page: `make bench-live`.

A whole service on one machine with its load: API, worker, a durable PostgreSQL, Valkey, and 2 000 open streams. First each follows a
parcel of its own, while updates come at a steady rate; then all follow the same one. Times are between the moment at which an event arrived
and that of the caller's 202, or of the decision (`decided_at`, which PostgreSQL stamps just before the commit); all of one clock.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, cast

import aiohttp
import asyncpg
import typer
import uvloop
from rich.console import Console
from typing_extensions import override

from app.core.open_files import allow_open_files
from bench.ground import Ground, Place, ground, until_nothing_waits
from bench.load import request
from bench.printing import show
from bench.programs import NotMeasured, megabytes
from bench.result import Row, Section, Table, Verdict, percentile
from bench.service import Account, account, whole_service

_STREAMS: Final = 2_000
_AT_ONCE: Final = 100
_WARM_UP: Final = 100
_RATE: Final = 100
_UPDATES: Final = 1_000
_TO_ALL: Final = 20
_PATIENCE_SECONDS: Final = 30.0
_OTHER_FILES: Final = 200
_ID: Final = re.compile(rb"\nid: ([0-9]+)\n")
_DECIDED: Final = """
SELECT tracking_code, extract(epoch FROM decided_at)::float8 AS at
  FROM status_updates
  JOIN postings ON postings.id = posting_id
"""


class _Stream(asyncio.Protocol):
    """One open stream, and when each of its events arrived, by number."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.arrived: dict[int, float] = {}
        self._request = request("GET", f"/api/v1/tracking/{code}/events").encode()
        self._rest = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)
        self.transport.write(self._request)

    @override
    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._rest += data
        for number in _ID.findall(self._rest):
            self.arrived.setdefault(int(number), now)
        self._rest = self._rest[self._rest.rfind(b"\n", 0, -1) :]


class _Streams:
    """Streams that are open together."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.opened: list[_Stream] = []

    async def open(self, codes: Sequence[str]) -> None:
        """Open one for each of the codes, some at a time, and wait until each has told where its parcel is."""
        for start in range(0, len(codes), _AT_ONCE):
            few = [_Stream(code) for code in codes[start : start + _AT_ONCE]]
            await asyncio.gather(*map(self._connect, few))
            self.opened += few
            await self.until_arrived(few, 1)

    async def _connect(self, stream: _Stream) -> None:
        await asyncio.get_running_loop().create_connection(lambda: stream, "127.0.0.1", self._port)

    async def until_arrived(self, streams: Sequence[_Stream], number: int) -> None:
        """Wait until each has had its event of this number, or one after it."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while any(max(stream.arrived, default=0) < number for stream in streams):
            if time.monotonic() > give_up:
                raise NotMeasured(f"not every stream has had its event {number}")
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """Close all."""
        for stream in self.opened:
            stream.transport.abort()
        self.opened = []


class _Caller:
    """Asks for updates, and remembers when each was answered."""

    def __init__(self, session: aiohttp.ClientSession, port: int, client: Account) -> None:
        self._session = session
        self._address = f"http://127.0.0.1:{port}/api/v1/postings/"
        self._headers = {"Authorization": f"Bearer {client.token}"}
        self.answered: dict[str, float] = {}

    async def update(self, code: str) -> None:
        """One more scan."""
        body = {"status": "shipped", "city": "Campinas", "uf": "SP", "description": f"scan {time.time_ns()}"}
        async with self._session.patch(f"{self._address}{code}/status", json=body, headers=self._headers) as answer:
            if answer.status != 202:  # noqa: PLR2004
                raise NotMeasured(f"an update was answered {answer.status}")
            self.answered[code] = time.time()

    async def update_each(self, codes: Sequence[str]) -> None:
        """At a steady rate, whatever is answered."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as updates:
            for number, code in enumerate(codes):
                await asyncio.sleep(max(0, began + number / _RATE - time.monotonic()))
                updates.create_task(self.update(code))


def _milliseconds(label: str, seconds: Sequence[float]) -> list[Row]:
    return [
        Row(f"{label}, {share}", [percentile([1000 * each for each in seconds], value)])
        for share, value in {"p50": 0.5, "p99": 0.99, "worst": 1.0}.items()
    ]


async def _each_its_own(
    place: Place, streams: _Streams, caller: _Caller, codes: Sequence[str]
) -> dict[str, list[float]]:
    """Updates of some of the parcels: from the 202, and from the decision, to the event."""
    await caller.update_each(codes)
    followed = {stream.code: stream for stream in streams.opened}
    await streams.until_arrived([followed[code] for code in codes], 2)
    await until_nothing_waits(place.database_url, seconds=_PATIENCE_SECONDS)
    connection = await asyncpg.connect(place.database_url)
    decided = {row["tracking_code"]: row["at"] for row in await connection.fetch(_DECIDED)}
    await connection.close()
    return {
        "202 → event": [followed[code].arrived[2] - caller.answered[code] for code in codes],
        "decided → event": [followed[code].arrived[2] - decided[code] for code in codes],
    }


async def _all_the_same(streams: _Streams, caller: _Caller, code: str) -> list[float]:
    """Updates of the one parcel: from the 202 to the event, of every stream."""
    took: list[float] = []
    for number in range(2, 2 + _TO_ALL):
        await caller.update(code)
        await streams.until_arrived(streams.opened, number)
        took += [stream.arrived[number] - caller.answered[code] for stream in streams.opened]
    return took


async def measure(ground: Ground, count: int) -> Section:
    """All of it."""
    async with ground.filled(postings=count + 1, updates=0) as filled, aiohttp.ClientSession() as session:
        place = replace(filled, settings={"MAX_SHARE_OF_ONE_CALLER": "1", "MAX_EVENT_STREAMS": str(count)})
        client = await account(place, codes=count + 1)
        last, *codes = client.tracking_codes
        with whole_service(ground, place) as (port, api, _):
            caller, streams = _Caller(session, port, client), _Streams(port)
            await streams.open(codes[:_WARM_UP])
            streams.close()
            before = megabytes(api.pid)["RSS"]
            began = time.monotonic()
            await streams.open(codes)
            opening = time.monotonic() - began
            quiet = megabytes(api.pid)["RSS"]
            own = await _each_its_own(place, streams, caller, codes[: min(_UPDATES, count)])
            busy = megabytes(api.pid)["RSS"]
            streams.close()
            await asyncio.sleep(1)  # the API notices
            await streams.open([last] * count)
            same = await _all_the_same(streams, caller, last)
            shared = megabytes(api.pid)["RSS"]
            streams.close()
    memory = [
        Row("before", [before]),
        Row(f"{count:,} streams open", [quiet]),
        Row("after updates to them", [busy]),
        Row("all at one parcel, after updates", [shared]),
    ]
    times = [row for label, took in own.items() for row in _milliseconds(label, took)]
    times += _milliseconds(f"202 → event at all of {count:,} readers of one parcel", same)
    growth = max(quiet, busy, shared) - before
    return Section(
        "live",
        "Open streams",
        f"{count:,} streams were opened in {opening:.1f} s.",
        [Table("The API process", "MB", memory), Table("An update on an open page", "ms", times)],
        [
            Verdict(f"memory of {count:,} open streams", growth, "≤", 100, "MB"),
            *(
                Verdict(f"{label}, p99", percentile([1000 * each for each in took], 0.99), "≤", 200, "ms")
                for label, took in own.items()
            ),
        ],
    )


def main(streams: Annotated[int, typer.Option(min=_WARM_UP, help="How many.")] = _STREAMS) -> None:
    """Measure open streams."""
    if allow_open_files(streams + _OTHER_FILES) < streams + _OTHER_FILES:
        raise NotMeasured("too few files may be open here: ulimit -n")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with ground(Path(folder)) as servers:
            section = uvloop.run(measure(servers, streams))
    console = Console()
    console.print(section.how)
    show(console, section)


if __name__ == "__main__":
    typer.run(main)
