"""The line that each request leaves in the log: where machines read it is put together here, since `logging` would take ten times as long.

Where people read, it goes the way of all other lines.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from typing import Final, TextIO

_log: Final = logging.getLogger("app.access")
_LINE: Final = '{"event": %s, "request_id": %s, "logger": "app.access", "level": "info", "timestamp": "%s"}\n'

_Told = tuple[str, str, str, int, float]


class AccessLog:
    """Lines that are told in one moment are written together, in the moment after it."""

    def __init__(self) -> None:
        self._stream: TextIO | None = None
        self._told: list[_Told] = []

    def write_json_to(self, stream: TextIO | None) -> None:
        """From now on lines are JSON, as structlog writes all others, and go to this stream; with None they are records of `logging`."""
        self._stream = stream

    def tell(self, request_id: str, method: str, path: str, status: int, milliseconds: float) -> None:
        """A request has been answered with this status, 0 when its client had gone; `path` as it came, percent-encoded."""
        if not _log.isEnabledFor(logging.INFO):
            return
        if self._stream is None:
            _log.info("%s %s %d %.1f ms", method, path, status, milliseconds)
            return
        if not self._told:
            asyncio.get_running_loop().call_soon(self._write, self._stream)
        self._told.append((request_id, method, path, status, milliseconds))

    def _write(self, stream: TextIO) -> None:
        told, self._told = self._told, []
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        quoted = encode_basestring_ascii
        lines = [
            _LINE % (quoted(f"{method} {path} {status} {milliseconds:.1f} ms"), quoted(request_id), now)
            for request_id, method, path, status, milliseconds in told
        ]
        with suppress(OSError):  # whoever has closed the log does not end the service
            stream.write("".join(lines))
            stream.flush()


access_log: Final = AccessLog()
"""The one of this process, as its loggers are."""
