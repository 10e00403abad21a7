"""What speaks to the service from outside, as its clients do: orders played through it, and a receiver of webhooks."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.running import running_connections

if TYPE_CHECKING:
    from app.replay.orders import Order


def replay(
    *,
    file: Annotated[Path, typer.Argument(help="A CSV of orders: one row is one parcel.")],
    url: Annotated[str | None, typer.Option(help="Where the API is; that of `make up` when not given.")] = None,
    shuffle: Annotated[bool, typer.Option(help="Send the updates in any order instead of by time.")] = False,
    duplicate: Annotated[float, typer.Option(help="The share of updates to send twice, 0 to 1.")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Makes --shuffle and --duplicate repeatable.")] = None,
    concurrency: Annotated[int, typer.Option(help="Requests under way at once.")] = 32,
    run: Annotated[
        str | None, typer.Option(help="A name: the same name again meets the same clients and postings.")
    ] = None,
) -> None:
    """Play a file of orders through the HTTP API as real traffic, and account for every update."""
    from app.replay.orders import read_orders

    _play(
        lambda: read_orders(file),
        url,
        shuffle=shuffle,
        duplicate=duplicate,
        seed=seed,
        concurrency=concurrency,
        run=run,
    )


def demo(
    url: Annotated[str | None, typer.Option(help="Where the API is; that of `make up` when not given.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed makes other parcels.")] = 1,
) -> None:
    """Play a small sample of parcels, made on the spot, through the HTTP API."""
    from app.replay.sample import sample_orders

    _play(lambda: sample_orders(seed), url, seed=seed)


def _play(orders: Callable[[], "list[Order]"], url: str | None, **options: Any) -> None:
    from rich.console import Console

    from app.replay.errors import ReplayError
    from app.replay.options import ReplayOptions
    from app.replay.player import replay as play

    try:
        chosen = ReplayOptions(url=url or running_connections().get("API_URL", "http://127.0.0.1:8000"), **options)
        sys.exit(asyncio.run(play(orders(), chosen, Console())))
    except ReplayError as error:
        sys.exit(str(error))


def listen(
    secrets: Annotated[
        list[str],
        typer.Option(
            "--secret",
            envvar="WEBHOOK_SECRET",
            help="The endpoint's secret, whsec_...; twice, during a rotation. Better in WEBHOOK_SECRET than on the command line.",
        ),
    ],
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")] = 9000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    answer: Annotated[int, typer.Option(min=200, max=599, help="What to answer to an event that verifies.")] = 204,
) -> None:
    """Listen for events on this machine, verify their signatures and show them, until Ctrl-C.

    The API goes to this machine only when it runs with WEBHOOK_DEVELOPMENT=true.
    """
    from app.webhook_listener import NotASecret, NotListening
    from app.webhook_listener import listen as listen_for_webhooks

    try:
        listen_for_webhooks(secrets, host=host, port=port, answer=answer)
    except NotASecret as error:
        raise typer.BadParameter(str(error), param_hint="--secret") from error
    except NotListening as error:
        sys.exit(str(error))
