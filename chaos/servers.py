"""PostgreSQL and Valkey under test, and what they stand on: a clock, a small disk, a disk whose power can be cut."""

import os
import shutil
import signal
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from app.embedded.postgres import PostgresServer, start_postgres
from app.embedded.valkey import start_valkey
from chaos.disasters import power_cut
from chaos.disasters.disk import KEEPS_ALL_WAL, Disk, initdb_with_wal_in, small_disk
from chaos.disasters.power_cut import PowerCut

if TYPE_CHECKING:
    from app.embedded.server import Server

Equipment: TypeAlias = Literal["small-disk", "small-wal-disk", "power-cut"]
"""What the servers stand on instead of an ordinary disk: a small one for the data, or for the WAL alone, or one without power."""

_DATA_MB: Final = 256
_WAL_MB: Final = 64


class Servers:
    """Both servers; a fault may kill, freeze and restart each. Leaving the block stops them."""

    def __init__(self, folder: Path, *, equipment: Equipment | None, environment: Mapping[str, str]) -> None:
        """`environment` is what PostgreSQL gets on top of its own."""
        self._postgres_folder = folder / "postgres"
        self._valkey_folder = folder / "valkey"
        self._equipment = equipment
        self._environment = dict(environment)
        self._settings: dict[str, str] = {}
        self._initdb: tuple[str, ...] = ()
        self._disk_folder = folder / "disk"
        self._stack = ExitStack()
        self._cuts: dict[str, PowerCut] = {}
        self._disk: Disk | None = None
        self.postgres: PostgresServer
        self.valkey: Server

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._equip(stack)
            self.postgres = self._start_postgres(None)
            self.valkey = start_valkey(self._valkey_folder)
            stack.callback(self._stop)
            if self._equipment == "power-cut":
                self._put_on_a_disk_without_power()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _equip(self, stack: ExitStack) -> None:
        match self._equipment:
            case "small-disk":
                self._disk = stack.enter_context(small_disk(self._disk_folder, size_mb=_DATA_MB))
                self._postgres_folder = self._disk.path / "postgres"
                self._initdb = initdb_with_wal_in(self._disk_folder.with_name("wal"))
            case "small-wal-disk":
                self._disk = stack.enter_context(small_disk(self._disk_folder, size_mb=_WAL_MB))
                self._initdb = initdb_with_wal_in(self._disk.path)
                self._settings = KEEPS_ALL_WAL
            case "power-cut":
                self._settings = power_cut.POSTGRES_SETTINGS
                self._initdb = power_cut.POSTGRES_INITDB
            case None:
                pass

    @property
    def disk(self) -> Disk:
        """The small disk, for whom is equipped with one."""
        assert self._disk is not None
        return self._disk

    def _start_postgres(self, port: int | None, more: Mapping[str, str] | None = None) -> PostgresServer:
        return start_postgres(
            self._postgres_folder,
            port=port,
            settings=self._settings,
            environment={**self._environment, **(more or {})},
            initdb=self._initdb,
        )

    def _put_on_a_disk_without_power(self) -> None:
        for name, folder in (("postgres", self._postgres_folder), ("valkey", self._valkey_folder)):
            self._cuts[name] = PowerCut(folder)
        self.postgres.stop()
        self.valkey.stop()
        self.restart_postgres()
        self.restart_valkey()

    def _stop(self) -> None:
        """Those that run by then: a fault may have put another in the first one's place."""
        for server in (self.valkey, self.postgres):
            server.stop()

    def pids(self) -> list[int]:
        """All processes of PostgreSQL, and that of Valkey."""
        return [self.postgres.pid, *children(self.postgres.pid), self.valkey.pid]

    def send_to_valkey(self, number: signal.Signals) -> None:
        """Send a signal to Valkey."""
        os.kill(self.valkey.pid, number)

    def ask_valkey(self, *words: str) -> bytes:
        """Valkey's answer to one command, past all links, as it stands in the protocol (RESP) without its line end."""
        password = urlsplit(self.valkey.url).password or ""
        with socket.create_connection(("127.0.0.1", self.valkey.port), timeout=5) as connection:
            connection.sendall(_written("AUTH", password) + _written(*words))
            with connection.makefile("rb") as answers:
                answers.readline()
                answer = answers.readline().rstrip()
        if not answer or answer.startswith(b"-"):
            raise RuntimeError(f"Valkey answered {answer!r} to {words[0]}")
        return answer

    def restart_postgres(self) -> None:
        """Start PostgreSQL on its data and its port."""
        self.postgres.kill()
        cut = self._cuts.get("postgres")
        self.postgres = self._start_postgres(self.postgres.port, cut.environment() if cut else None)

    def restart_valkey(self, *, wiped: bool = False) -> None:
        """Start Valkey on its port: on its data, or `wiped` on none."""
        self.valkey.kill()
        if wiped:
            shutil.rmtree(self._valkey_folder / "data")
        cut = self._cuts.get("valkey")
        self.valkey = start_valkey(
            self._valkey_folder, port=self.valkey.port, environment=cut.environment() if cut else {}
        )

    def cut_power(self, chance: Random) -> None:
        """Cut the power of both: they are dead, and what was not on the disk is gone; here and there a sector is."""
        self._cuts["postgres"].cut(self.postgres, survivors=chance)
        self._cuts["valkey"].cut(self.valkey, survivors=chance)


def _written(*words: str) -> bytes:
    """A command as RESP has it: an array of bulk strings."""
    bulks = [b"$%d\r\n%s\r\n" % (len(data), data) for data in (word.encode() for word in words)]
    return b"*%d\r\n" % len(bulks) + b"".join(bulks)


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
