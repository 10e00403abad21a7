"""An open stream of Server-Sent Events, as a program reads it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from tests.shop import Answer

_PATIENCE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    """What stood between two empty lines: its fields by name; a comment stands under an empty name."""

    fields: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")


class Stream:
    """The events as they arrive."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status: Final = response.status
        self.headers: Final = response.headers

    async def refusal(self) -> Answer:
        """What came instead of a stream."""
        return Answer(self.status, self.headers, await self._response.read())

    async def block(self) -> Event | None:
        """The next event or comment; None at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for line in self._response.content:
                name, colon, value = line.decode().rstrip("\n").partition(":")
                if not name and not colon:
                    return Event(fields)
                fields[name] = value.removeprefix(" ")
        assert not fields, "the stream ended within an event"
        return None

    async def event(self) -> Event:
        """The next event with a name; there must be one."""
        while (block := await self.block()) is not None:
            if block["event"]:
                return block
        raise AssertionError("the stream ended")

    async def rest(self) -> list[str]:
        """The names of all events until the end."""
        names = []
        while (block := await self.block()) is not None:
            names += [block["event"]] if block["event"] else []
        return names


@asynccontextmanager
async def events(url: str, tracking_code: str, **headers: Any) -> AsyncIterator[Stream]:
    """Open the stream of a parcel."""
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    address = f"{url}/api/v1/tracking/{tracking_code}/events"
    async with aiohttp.ClientSession() as session, session.get(address, headers=named) as response:
        yield Stream(response)
