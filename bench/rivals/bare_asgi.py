"""The limit of any Python API: an ASGI function that answers every request alike. `python -m bench.rivals.bare_asgi PORT`."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from bench.rivals.serving import serve


async def answer(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """200 and {"ok":true}."""
    if scope["type"] != "http":
        return
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"ok":true}'})


if __name__ == "__main__":
    serve(answer, int(sys.argv[1]))
