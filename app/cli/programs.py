"""The programs of the service, and all of them together."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.running import FOLDER
from app.config import read_given


def up(
    port: Annotated[int | None, typer.Option(help="Port of the API; 8000 or the next free one when not given.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many workers.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where PostgreSQL and Valkey keep their data.")] = FOLDER,
    by_make: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run everything on this machine: PostgreSQL, Valkey, the API and the workers, until Ctrl-C."""
    from app.embedded.up import up as run_everything

    sys.exit(run_everything(port=port, workers=workers, folder=folder, environment=read_given(), by_make=by_make))


def api() -> None:
    """Run the API process."""
    from app.main import main as run

    sys.exit(run())


def worker() -> None:
    """Run one worker process."""
    from app.worker import main as run

    sys.exit(run())


def webhook_worker() -> None:
    """Run one worker process that delivers webhooks."""
    from app.webhook_worker import main as run

    sys.exit(run())
