"""Many receivers of webhooks in one process, each at an address of its own on loopback: `python -m bench.receivers PORT COUNT`.

They answer 204 at once and look at nothing: what is measured is who sends.
"""

import asyncio
import re
import sys
from typing import Final, cast

import uvloop
from typing_extensions import override

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END: Final = b"\r\n\r\n"
_NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
_OF_A_NETWORK: Final = 250


def address(number: int) -> str:
    """Where this one listens; 127.0.0.0/8 is loopback as a whole."""
    return f"127.1.{number // _OF_A_NETWORK}.{number % _OF_A_NETWORK + 1}"


class _Receiver(asyncio.Protocol):
    def __init__(self) -> None:
        self._came = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(_END)) >= 0:
            length = _LENGTH.search(self._came, 0, end)
            whole = end + len(_END) + (int(length[1]) if length else 0)
            if len(self._came) < whole:
                return
            self._came = self._came[whole:]
            self._transport.write(_NO_CONTENT)


async def receive(port: int, count: int) -> None:
    """Listen until stopped."""
    hosts = [address(number) for number in range(count)]
    server = await asyncio.get_running_loop().create_server(_Receiver, hosts, port, backlog=1_000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(receive(int(sys.argv[1]), int(sys.argv[2])))
