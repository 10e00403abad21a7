"""Serves a rival as the product is served: one uvicorn process with uvloop and httptools, and no access log."""

from collections.abc import Callable
from typing import Any

import uvicorn


def serve(app: Callable[..., Any], port: int) -> None:
    """Serve until stopped."""
    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
