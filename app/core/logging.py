"""Logs: one JSON object a line for machines, or coloured lines for people."""

import asyncio
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal

import structlog

from app.core.access_log import access_log

_QUIET_SECONDS: Final = 1.0
_CALM: Final = frozenset({"debug", "info"})
# Where PostgreSQL, asyncpg and pydantic quote a value: in a row that breaks a constraint, an argument, a field.
_QUOTED: Final = re.compile(
    r"(DETAIL: |CONTEXT: |invalid input for query argument \$\d+: |invalid input syntax for type [a-z ]+: |input_value=).*"
)


request_id: Final = ContextVar("request_id", default="")
"""The id of the request that is being answered: every line that is logged meanwhile tells it."""


@contextmanager
def telling(answered: str) -> Iterator[None]:
    """Lines tell this request id while the block runs."""
    token = request_id.set(answered)
    try:
        yield
    finally:
        request_id.reset(token)


def configure_logging(*, level: str, style: Literal["json", "console"]) -> None:
    """Send everything that is logged, by us and by libraries, to standard error in one style.

    No line holds what callers sent: libraries are not heard below INFO, where one of them writes whole forms, and what an exception
    quotes of a value is left out.
    """
    shared: list[structlog.typing.Processor] = [
        _add_request_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        # Its other tracebacks show the values of all variables.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _leave_out_values,
                renderer,
            ],
        )
    )
    logging.basicConfig(level=max(logging.getLevelNamesMapping()[level], logging.INFO), handlers=[handler], force=True)
    logging.getLogger("app").setLevel(level)
    access_log.write_json_to(sys.stderr if style == "json" else None)
    # uvicorn's own handlers would write the same line twice.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def _add_request_id(
    _logger: logging.Logger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if answered := request_id.get():
        event["request_id"] = answered
    return event


def _leave_out_values(
    _logger: logging.Logger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """What happened stays, and where; whose data it happened to does not."""
    if event["level"] not in _CALM:
        for key in event.keys() & {"event", "exception"}:
            event[key] = _QUOTED.sub(r"\1(left out)", str(event[key]))
    return event


class RareWarning:
    """A warning about something that may happen thousands of times a second: one line a second, which tells how often it did."""

    def __init__(self, logger: logging.Logger, message: str) -> None:
        self._logger = logger
        self._message = message
        self._untold = 0
        self._detail: object = None
        self._quiet = False

    def __call__(self, detail: object) -> None:
        """It happened; told at once, or at the end of the second with the last detail."""
        self._untold += 1
        self._detail = detail
        if not self._quiet:
            self._tell()

    def _tell(self) -> None:
        self._logger.warning("%s (%d times): %s", self._message, self._untold, self._detail)
        self._untold = 0
        self._quiet = True
        asyncio.get_running_loop().call_later(_QUIET_SECONDS, self._end_of_quiet)

    def _end_of_quiet(self) -> None:
        self._quiet = False
        if self._untold:
            self._tell()
