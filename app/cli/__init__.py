"""The operator's command `postagens`: thin commands, each calling the part that does the work.

Each loads that part when it is called: all of them would take longer than most commands, and longer than PostgreSQL to start.
"""

from importlib.metadata import version
from typing import Annotated, Final

import typer

from app.cli import operations, programs, traffic

cli: Final = typer.Typer(
    name="postagens",
    help="Logistics postings: run the service and look after it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
queue_cli: Final = typer.Typer(help="Look after the queue of status updates.", no_args_is_help=True)
webhooks_cli: Final = typer.Typer(help="Try webhooks out.", no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"postagens {version('postagens')}")
        raise typer.Exit


@cli.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Logistics postings: run the service and look after it."""


@webhooks_cli.callback()
def webhooks_options() -> None:
    """Try webhooks out."""


cli.command()(programs.up)
cli.command()(programs.api)
cli.command()(programs.worker)
cli.command()(programs.webhook_worker)
cli.command()(operations.migrate)
cli.command()(operations.create_operator)
cli.command()(operations.skip_tracking_codes)
cli.command()(traffic.replay)
cli.command()(traffic.demo)
queue_cli.command(name="show")(operations.show_queue)
queue_cli.command()(operations.redrive)
webhooks_cli.command()(traffic.listen)
cli.add_typer(queue_cli, name="queue")
cli.add_typer(webhooks_cli, name="webhooks")


def main() -> None:
    """The entry point."""
    cli()
