"""The command line as people use it: the demo, and what it says when something is wrong."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.embedded.connections import write_connections
from app.embedded.folder import FolderLock, open_folder
from tests.service import Service, create_operator
from tests.shop import Shop


async def run(*arguments: str, environment: Mapping[str, str], folder: Path) -> tuple[int | None, str]:
    """The exit code and all that was printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", *arguments),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "100", **environment},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_the_demo_plays_two_hundred_parcels_and_accounts_for_all(service: Service, tmp_path: Path) -> None:
    code, output = await run("demo", "--url", service.url, environment={}, folder=tmp_path)
    assert code == 0, output
    rows = dict(line.strip("│ ").split("│") for line in output.splitlines() if line.startswith("│"))
    table = {name.strip(): value.strip() for name, value in rows.items()}
    assert (table["postings"], table["updates"], table["applied"]) == ("200", "340", "338")
    assert (table["postings unaccounted for"], table["updates unaccounted for"]) == ("0", "0")


async def test_a_second_operator_with_the_same_e_mail_is_refused_in_one_sentence(
    service: Service, tmp_path: Path
) -> None:
    async with Shop(service.url) as shop:
        await create_operator(service, shop.email)
        arguments = ("create-operator", "--email", shop.email, "--name", "Hub")
        environment = {**service.environment, "OPERATOR_PASSWORD": "a good password"}
        code, output = await run(*arguments, environment=environment, folder=tmp_path)
    assert (code, output.count("\n")) == (1, 1)
    assert "registered already" in output


async def test_a_bad_operator_is_told_field_by_field(service: Service, tmp_path: Path) -> None:
    arguments = ("create-operator", "--email", "nobody", "--name", "Hub")
    environment = {**service.environment, "OPERATOR_PASSWORD": "short"}
    code, output = await run(*arguments, environment=environment, folder=tmp_path)
    assert code == 1
    assert [line.partition(":")[0] for line in output.splitlines()] == ["email", "password"]


async def test_the_queue_is_shown_and_dead_letters_are_redriven(service: Service, tmp_path: Path) -> None:
    code, output = await run("queue", "show", environment=service.environment, folder=tmp_path)
    assert code == 0, output
    assert "dead letters" in output
    code, output = await run("queue", "redrive", environment=service.environment, folder=tmp_path)
    assert (code, output) == (0, "0 dead letters queued again\n")


async def test_migrating_twice_says_that_there_is_nothing_to_do(service: Service, tmp_path: Path) -> None:
    code, output = await run("migrate", environment=service.environment, folder=tmp_path)
    assert (code, output) == (0, "nothing to do: the database is up to date\n")


async def test_without_a_database_one_sentence_says_how_to_get_one(tmp_path: Path) -> None:
    code, output = await run("queue", "show", environment={}, folder=tmp_path)
    assert (code, output) == (
        1,
        "There is no database to work on: start `make up` in this folder, or set DATABASE_URL.\n",
    )


async def test_the_database_may_stand_in_the_env_file(service: Service, tmp_path: Path) -> None:
    names = ("DATABASE_URL", "REDIS_URL", "JWT_SECRET", "WEBHOOK_SECRET_KEYS")
    (tmp_path / ".env").write_text("".join(f"{name}={service.environment[name]}\n" for name in names))
    code, output = await run("migrate", environment={}, folder=tmp_path)
    assert (code, output) == (0, "nothing to do: the database is up to date\n")


@pytest.mark.parametrize("line", ["DATABASE_URL={0}", "DATABASE_URL=", "PORT=8123"])
async def test_what_the_env_file_does_not_say_is_told_by_the_make_up_that_runs_here(
    line: str, service: Service, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(line.format(service.environment["DATABASE_URL"]))
    with _make_up(tmp_path, service.environment):
        code, output = await run("migrate", environment={}, folder=tmp_path)
    assert (code, output) == (0, "nothing to do: the database is up to date\n")


async def test_a_make_up_with_another_database_than_the_env_file_tells_nothing(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://other@127.0.0.1/other")
    with _make_up(tmp_path, service.environment):
        code, output = await run("migrate", environment={}, folder=tmp_path)
    assert (code, output.splitlines()[0]) == (1, "The settings are not right:")
    assert "REDIS_URL" in output
    assert "DATABASE_URL" not in output


async def test_an_env_file_without_a_database_is_not_enough(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8123\nDATABASE_URL=\n")
    code, output = await run("migrate", environment={}, folder=tmp_path)
    assert (code, output.partition(":")[0]) == (1, "There is no database to work on")


@contextmanager
def _make_up(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """What a `make up` says of itself that runs in this folder."""
    names = ("DATABASE_URL", "REDIS_URL", "JWT_SECRET", "WEBHOOK_SECRET_KEYS")
    lock = FolderLock(open_folder(folder / "var"), user="`make up`")
    write_connections(folder / "var", {name: environment[name] for name in names})
    try:
        yield
    finally:
        lock.release()


@pytest.mark.parametrize("process", ["api", "worker", "webhook-worker", "migrate"])
async def test_a_wrong_setting_is_named_and_nothing_starts(process: str, service: Service, tmp_path: Path) -> None:
    code, output = await run(process, environment={**service.environment, "JWT_SECRET": "short"}, folder=tmp_path)
    assert code != 0
    assert output.startswith("The settings are not right:\n  JWT_SECRET: ")
