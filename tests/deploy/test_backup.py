"""docs/backup.md, followed to the letter: its own commands make the backups and restore them, and the service goes on."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from app.db.migrate import migrate
from app.embedded.binaries import find_postgres
from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.server import Server
from app.embedded.valkey import start_valkey
from tests.chaos.traffic import assert_applied_once_and_in_order, chain, insist, several
from tests.service import JWT_SECRET, WEBHOOK_SECRET_KEYS, running_service
from tests.shop import Shop
from tests.until import until

_ROOT: Final = Path(__file__).parents[2]
_DOCUMENT: Final = (_ROOT / "docs/backup.md").read_text(encoding="utf-8")
_PROGRAMS: Final = (find_postgres().postgres.parent, Path(sys.executable).parent)
_CHAINS: Final = 6
_LENGTH: Final = 12

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the commands are for a shell, and there is none")


def commands(section: str) -> list[str]:
    """The blocks of commands under this heading."""
    text = _DOCUMENT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert blocks, f"docs/backup.md has no commands under {section!r}"
    return blocks


class Operator:
    """Somebody at a shell who has set the variables of the document."""

    def __init__(self, server: PostgresServer, valkey: Server, backup: Path, **more: str) -> None:
        self._environment = {
            "PATH": os.pathsep.join([*map(str, _PROGRAMS), os.defpath]),
            "DATABASE_URL": server.url,
            "SUPERUSER_URL": server.superuser_url,
            "REDIS_URL": valkey.url,
            "JWT_SECRET": JWT_SECRET,
            "WEBHOOK_SECRET_KEYS": WEBHOOK_SECRET_KEYS,
            "BACKUP": str(backup),
            **more,
        }

    async def types(self, command: str) -> str:
        """Run it, and return what it printed."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", command),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, f"{command}\n{output.decode()}"
        return output.decode()


async def value(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def give_to_owner_of(folder: Path, path: Path) -> None:
    """The document says that files must belong to PostgreSQL's user: when root runs the tests, that is another one."""
    owner = folder.stat()
    if os.geteuid() == 0:
        for entry in (path, *path.rglob("*")):
            os.chown(entry, owner.st_uid, owner.st_gid, follow_symlinks=False)


def folder_for_backups(folder: Path) -> Path:
    backup = folder / "a folder of backups"
    backup.mkdir()
    return backup


@pytest.fixture
def fresh_valkey(tmp_path: Path) -> Iterator[Server]:
    """The Valkey of the restored system, which knows nothing of the first one."""
    with start_valkey(tmp_path / "fresh-valkey", durable=False) as server:
        yield server


async def next_posting_number(url: str) -> int:
    number: int = await value(url, "SELECT last_value + is_called::int FROM posting_numbers")
    return number


async def again(shop: Shop, url: str) -> Shop:
    """The same client at the restored service."""
    returned = Shop(url)
    returned.email = shop.email
    await returned.sign_in()
    return returned


async def test_a_dump_under_traffic_is_a_system_that_goes_on(
    database_url: str, postgres: PostgresServer, valkey: Server, fresh_valkey: Server, tmp_path: Path
) -> None:
    backup = folder_for_backups(tmp_path)
    accepted: list[str] = []
    async with (
        running_service(tmp_path, database_url=database_url, redis_url=valkey.url, workers=0) as first,
        Shop(first.url) as shop,
    ):
        await shop.register()
        codes = [(await shop.create_posting())["tracking_code"] for _ in range(_CHAINS)]
        operator = Operator(postgres, valkey, backup, DATABASE_URL=database_url)
        asking = asyncio.gather(*(chain(shop, code, _LENGTH, accepted) for code in codes))
        await several(asking, accepted, 2 * _CHAINS)
        before = [*accepted]
        await operator.types(commands("A dump")[0])
        await asking
        too_late = [(await shop.create_posting())["tracking_code"] for _ in range(3)]

        with start_postgres(tmp_path / "restored", durable=False) as restored:
            await migrate(restored.url)  # as the fresh database of `make up` or compose is
            operator = Operator(restored, fresh_valkey, backup)
            await operator.types(commands("A dump")[1])
            queued = await value(restored.url, "SELECT count(*) FROM status_updates WHERE state = 'queued'")
            assert queued >= len(before)
            # Without the next command the codes of `too_late` would be given again.
            assert await next_posting_number(restored.url) < await next_posting_number(database_url)
            told = [await operator.types(command) for command in commands("Before the first request")]
            assert "nothing to do" in told[0]
            service = running_service(tmp_path, database_url=restored.url, redis_url=fresh_valkey.url)
            async with service as second, await again(shop, second.url) as returned:
                repeated: list[str] = []
                await asyncio.gather(*(chain(returned, code, _LENGTH, repeated) for code in codes))
                assert sorted(repeated) == sorted(accepted)
                for code in codes:
                    await assert_applied_once_and_in_order(returned, code, _LENGTH)
                await assert_codes_come_once(returned, codes, too_late)
                second.stop()


async def assert_codes_come_once(shop: Shop, kept: Sequence[str], lost: Sequence[str]) -> None:
    """Codes that were given after the backup are unknown, and nobody else gets them."""
    for code in lost:
        assert (await shop.send("GET", f"/postings/{code}")).status == 404
    new = [(await shop.create_posting())["tracking_code"] for _ in range(50)]
    assert not set(new) & {*kept, *lost}


async def test_the_log_leads_back_to_a_moment_between_two_updates(
    valkey: Server, fresh_valkey: Server, tmp_path: Path
) -> None:
    backup = folder_for_backups(tmp_path)
    server = start_postgres(tmp_path / "postgres")
    archive, base, watch = commands("The log")
    await Operator(server, valkey, backup).types(archive)
    give_to_owner_of(tmp_path / "postgres" / "data", backup)
    server.stop()
    server = start_postgres(tmp_path / "postgres")
    await migrate(server.url)
    await Operator(server, valkey, backup).types(base)

    service = running_service(tmp_path, database_url=server.url, redis_url=valkey.url, workers=0)
    async with service as first, Shop(first.url) as shop:
        await shop.register()
        code = (await shop.create_posting())["tracking_code"]
        kept = (await insist(shop, code, "scan 0")).json["id"]
        moment = str(await value(server.url, "SELECT clock_timestamp()"))
        lost = (await insist(shop, code, "scan 1")).json["id"]
        too_late = (await shop.create_posting())["tracking_code"]
        await archived(server)
        assert "archived_count" in await Operator(server, valkey, backup).types(watch)
        server.kill()
        first.stop()

    restored = await back_to(moment, tmp_path, backup, fresh_valkey)
    with restored:
        service = running_service(tmp_path, database_url=restored.url, redis_url=fresh_valkey.url)
        async with service as second, await again(shop, second.url) as returned:
            assert (await returned.decided(kept))["state"] == "applied"
            assert (await returned.send("GET", f"/status-updates/{lost}")).status == 404
            assert (await insist(returned, code, "scan 1")).json["id"] == lost
            await assert_applied_once_and_in_order(returned, code, 2)
            await assert_codes_come_once(returned, [code], [too_late])
            second.stop()


async def archived(server: PostgresServer) -> None:
    """Wait until all that has happened is in the archive."""
    piece = str(await value(server.superuser_url, "SELECT pg_walfile_name(pg_switch_wal())"))

    async def copied() -> bool:
        last = await value(server.superuser_url, "SELECT last_archived_wal FROM pg_stat_archiver")
        return last is not None and str(last) >= piece

    await until(f"{piece} is archived", copied, timeout=30)


async def back_to(moment: str, folder: Path, backup: Path, valkey: Server) -> PostgresServer:
    """A PostgreSQL on another machine (a new folder), restored as the document says."""
    new = folder / "restored"
    new.mkdir()
    for name in ("password", "superuser_password"):
        shutil.copy2(folder / "postgres" / name, new)
    restore, reset = commands("Back to a moment")
    shell = {"PATH": os.defpath, "BACKUP": str(backup), "PGDATA": str(new / "data"), "MOMENT": moment}
    copied = await asyncio.create_subprocess_exec("bash", "-euo", "pipefail", "-c", restore, env=shell)
    assert await copied.wait() == 0
    give_to_owner_of(folder / "postgres" / "data", new / "data")
    server = start_postgres(new)

    async def accepts_writing() -> bool:
        return await value(server.url, "SELECT pg_is_in_recovery()") is False

    await until("the recovery is over", accepts_writing, timeout=30)
    for command in (reset, *commands("Before the first request")):
        await Operator(server, valkey, backup).types(command)
    return server
