"""The product's own processes under `make up`: API and workers, their logs, and the wait until they are ready."""

import http.client
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.embedded.errors import EmbeddedError
from app.embedded.folder import open_log
from app.embedded.process import Process, how_it_ended, last_lines, spawn
from app.embedded.supervisor import Part
from app.embedded.wakeup import Wakeup

_LADDER: Final = ((signal.SIGTERM, 10.0),)
_ENVIRONMENT: Final = {
    "PYTHONUNBUFFERED": "1",
    # We have none, and pydantic would look for them in every package that is installed, for a tenth of a second.
    "PYDANTIC_DISABLE_PLUGINS": "1",
}
# A graceful stop may hang, and without a parent nobody would insist. The product's promise holds under kill -9.
_DEATH_SIGNAL: Final = signal.SIGKILL


def start_program(name: str, module: str, *, log: Path, environment: Mapping[str, str]) -> Part:
    """Run `python -m module`, its output in `log`."""

    def start() -> Process:
        output = open_log(log)
        try:
            popen = spawn(
                [sys.executable, "-m", module],
                death_signal=_DEATH_SIGNAL,
                environment={**_ENVIRONMENT, **environment},
                output=output,
            )
        finally:
            os.close(output)
        return Process(popen, ladder=_LADDER)

    said_before = log.stat().st_size if log.exists() else 0
    return Part(name, start(), restart=start, log=log, said_before=said_before)


def wait_until_ready(api: Part, *, host: str, port: int, wakeup: Wakeup, patience: float) -> None:
    """Return when GET /health/ready answers 200, or when somebody asks to stop.

    Raises EmbeddedError with the last words of an API that ends instead, or when `patience` seconds are over.
    """
    give_up = time.monotonic() + patience
    while not wakeup.stopping and not is_ready(host, port):
        if (code := api.process.exit_code()) is not None:
            words = "\n".join(last_lines(api.log, since=api.said_before))
            raise EmbeddedError(f"{api.name} could not start: {how_it_ended(code)}.\n{words}")
        if time.monotonic() > give_up:
            raise EmbeddedError(f"The API was not ready within {patience:.0f} s (log: {api.log}).")
        wakeup.wait(0.1)


def is_ready(host: str, port: int) -> bool:
    """Whether the API there says that it is ready."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
