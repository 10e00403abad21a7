"""The line that each request leaves in the log: where machines read it is put together here, since `logging` would take ten times as long.

Where people read, it goes the way of all other lines.
"""

import asyncio
import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TextIO

_log: Final = logging.getLogger("app.access")
_LINE: Final = '{{"event": {}, "request_id": {}, "logger": "app.access", "level": "info", "timestamp": "{}"}}\n'


class AccessLog:
    """Lines that are told in one moment are written together, in the moment after it."""

    def __init__(self) -> None:
        self._stream: TextIO | None = None
        self._lines: list[str] = []

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
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write, self._stream)
        event = json.dumps(f"{method} {path} {status} {milliseconds:.1f} ms")
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self._lines.append(_LINE.format(event, json.dumps(request_id), now))

    def _write(self, stream: TextIO) -> None:
        lines, self._lines = self._lines, []
        with suppress(OSError):  # whoever has closed the log does not end the service
            stream.write("".join(lines))
            stream.flush()


access_log: Final = AccessLog()
"""The one of this process, as its loggers are."""
