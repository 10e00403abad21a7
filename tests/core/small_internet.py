"""A small internet: run in a network namespace of its own, where a public address is one of this machine's.

A shop's receiver stands at the public address, a canary at the same port of loopback, with a certificate as good as the shop's; a name
server says which of them the shop's name means. What happened is printed as JSON.
"""

import asyncio
import fcntl
import json
import os
import socket
import ssl
import struct
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import trustme

from app.core.webhook_client import WebhookClient, open_webhook_client
from chaos.names import NameServer
from tests.core.outside import LOOPBACK, Receiver, accept_and_hang_up, asking, receiver

SHOP: Final = "hooks.shop.example"
PUBLIC: Final = "11.22.33.44"
_PORT: Final = 8443
_SET_FLAGS: Final = 0x8914  # SIOCSIFFLAGS and SIOCSIFADDR of linux/sockios.h
_SET_ADDRESS: Final = 0x8916
_UP: Final = 1


def make_public_address() -> None:
    """Bring loopback up, and give it the public address too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP))
        address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(PUBLIC))
        fcntl.ioctl(control, _SET_ADDRESS, struct.pack("16s16s8x", b"lo:1", address))


Scene = Callable[[WebhookClient, NameServer], Awaitable[list[object]]]


async def _post(client: WebhookClient) -> object:
    answer = await client.post(f"https://{SHOP}:{_PORT}/hook", {}, b"{}")
    return answer.status or answer.failure


async def _a_public_address(client: WebhookClient, names: NameServer) -> list[object]:
    names.addresses[SHOP] = [PUBLIC]
    return [await _post(client)]


async def _an_answer_that_changes(client: WebhookClient, names: NameServer) -> list[object]:
    names.addresses[SHOP] = [PUBLIC]
    first = await _post(client)
    names.addresses[SHOP] = [LOOPBACK]
    second = await _post(client)
    names.addresses[SHOP] = [PUBLIC]
    return [first, second, await _post(client)]


async def _both_at_once(client: WebhookClient, names: NameServer) -> list[object]:
    names.addresses[SHOP] = [LOOPBACK, PUBLIC, "10.0.0.1", "::1", f"::ffff:{LOOPBACK}"]
    return [await _post(client) for _ in range(5)]


async def _another_notation(client: WebhookClient, names: NameServer) -> list[object]:
    names.addresses[SHOP] = [f"::ffff:{PUBLIC}"]
    return [await _post(client)]


SCENES: Final[dict[str, Scene]] = {
    "a public address": _a_public_address,
    "an answer that changes": _an_answer_that_changes,
    "both at once": _both_at_once,
    "another notation": _another_notation,
}


async def _play(scene: Scene, tls: ssl.SSLContext) -> dict[str, object]:
    async with AsyncExitStack() as world:
        shop: Receiver = await world.enter_async_context(receiver(accept_and_hang_up, host=PUBLIC, port=_PORT, tls=tls))
        bird: Receiver = await world.enter_async_context(receiver(host=LOOPBACK, port=_PORT, tls=tls))
        names = world.enter_context(NameServer())
        resolver = await world.enter_async_context(asking(names))
        client = await world.enter_async_context(open_webhook_client(development=False, resolver=resolver))
        answers = await scene(client, names)
        return {"answers": answers, "shop": len(shop.requests), "canary": bird.connections}


async def main() -> None:
    """Play every scene."""
    make_public_address()
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        authority.cert_pem.write_to_path(str(Path(folder) / "authority.pem"))
        os.environ["SSL_CERT_FILE"] = str(Path(folder) / "authority.pem")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(SHOP).configure_cert(tls)
        json.dump({name: await _play(scene, tls) for name, scene in SCENES.items()}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
