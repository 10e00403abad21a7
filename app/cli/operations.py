"""What an operator does on a running service, past its API."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
from pydantic import ValidationError

from app.cli.running import settings_in_force
from app.config import Settings, SettingsError

if TYPE_CHECKING:
    from app.models.clients import Client
    from app.models.status_updates import Queue, Redrive

T = TypeVar("T")

# PostgreSQL draws so many well within the time that a statement may take.
_MOST_SKIPPED: Final = 1_000_000


def migrate() -> None:
    """Bring the database to this release: safe to repeat, and to run from several places at once."""
    from app.db.migrate import migrate as bring_up_to_date

    async def work(settings: Settings) -> list[str]:
        return await bring_up_to_date(str(settings.database_url))

    applied = _run(work)
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("nothing to do: the database is up to date")


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
    from app.core.auth import Passwords
    from app.db.connection import open_database
    from app.models.audit import Source
    from app.models.clients import ClientRegistration
    from app.services import clients_service

    try:
        registration = ClientRegistration(name=name, email=email, password=password)
    except ValidationError as error:
        sys.exit("\n".join(f"{item['loc'][0]}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()))

    async def work(settings: Settings) -> "Client":
        passwords = Passwords(threads=1)
        try:
            async with open_database(**settings.database_options) as database:
                return await clients_service.register_client(
                    database, passwords, Source(), registration, role="operator"
                )
        finally:
            passwords.close()

    typer.echo(f"operator {_run(work).email} created")


def skip_tracking_codes(
    count: Annotated[
        int, typer.Argument(min=1, max=_MOST_SKIPPED, help="How many; too many do no harm. Repeat it for more.")
    ],
) -> None:
    """After a restore: never give the codes that may have been given since the backup."""
    from app.db.connection import open_database
    from app.services import posting_service

    async def work(settings: Settings) -> int:
        async with open_database(**settings.database_options) as database, database.transaction() as transaction:
            return await posting_service.skip_tracking_codes(transaction, settings.tracking_code_prefixes, count)

    typer.echo(f"{count} tracking codes will never be given; {_run(work)} are left")


def show_queue() -> None:
    """How many status updates wait, since when, and how many dead letters there are."""
    from rich.console import Console
    from rich.table import Table

    from app.db.connection import open_database
    from app.services import queue_service

    async def work(settings: Settings) -> "Queue":
        async with open_database(**settings.database_options) as database:
            return await queue_service.get_queue(database.reader)

    queue = _run(work)
    table = Table("queued", "oldest accepted at", "dead letters")
    table.add_row(str(queue.queued), str(queue.oldest_accepted_at or "-"), str(queue.dead_letters))
    Console().print(table)


def redrive() -> None:
    """Queue all dead letters again."""
    from app.core.hint_sender import sending_hints
    from app.core.redis import open_streams
    from app.db.connection import open_database
    from app.models.audit import Source
    from app.services import queue_service

    async def work(settings: Settings) -> "Redrive":
        async with (
            open_database(**settings.database_options) as database,
            open_streams(**settings.stream_options) as streams,
            sending_hints(streams) as hints,
        ):
            return await queue_service.redrive_dead_letters(database, hints, Source())

    typer.echo(f"{_run(work).redriven} dead letters queued again")


def _run(work: Callable[[Settings], Coroutine[Any, Any, T]]) -> T:
    """Run one piece of work; what the operator can mend is one sentence and exit code 1."""
    from app.db.database import DatabaseUnavailable
    from app.db.migrate import MigrationError
    from app.services.errors import Refusal

    try:
        return asyncio.run(work(settings_in_force()))
    except (SettingsError, MigrationError, Refusal, DatabaseUnavailable) as error:
        sys.exit(str(error))
