"""Logs: one JSON object a line for machines, or coloured lines for people."""

import logging
import sys
from typing import Literal

import structlog


def configure_logging(*, level: str, style: Literal["json", "console"]) -> None:
    """Send everything that is logged, by us and by libraries, to standard error in one style."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    tail = [structlog.processors.format_exc_info] if style == "json" else []
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail, renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # uvicorn's own handlers would write the same line twice.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
