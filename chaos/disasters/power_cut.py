"""A power cut: an embedded server loses everything that it did not have on the disk."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

from app.embedded.server import Server
from chaos.disasters.errors import DisasterError
from chaos.disasters.shim import build_shim

# Every write that is to last goes through fsync or fdatasync, which the shim sees.
POSTGRES_SETTINGS: Final = {"io_method": "sync", "wal_sync_method": "fdatasync", "recovery_init_sync_method": "fsync"}
# The shim copies whole files, and each commit syncs one: 1 MB instead of 16.
POSTGRES_INITDB: Final = ("--wal-segsize=1",)

# What a disk writes in one piece.
_SECTOR: Final = 512
_DIES_WITHIN: Final = 10.0

_SYNC_EVERYTHING: Final = """
import os, sys
for folder, _, files in os.walk(sys.argv[1], topdown=False):
    for path in (*(os.path.join(folder, name) for name in files), folder):
        if not os.path.islink(path):
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
"""


class PowerCut:
    """The disk under the embedded server in one folder. For each life of the server: `environment`, start, `cut`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the one of start_postgres or start_valkey, and has data already. Raises DisasterError."""
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self._platter = self._folder / "platter"
        self._library = build_shim(self._folder / "shim")
        if not self._data.is_dir():
            raise DisasterError(f"{self._folder} has no data yet: start the server once before.")

    def environment(self) -> dict[str, str]:
        """What the server is to be started with; call it while the server is down. All that is there now is durable."""
        if self._platter.exists():
            shutil.rmtree(self._platter)
        for part in ("inodes", "tree"):
            (self._platter / part).mkdir(parents=True, mode=0o700)
        environment = {
            "LD_PRELOAD": str(self._library),
            "CHAOS_LIVE": str(self._data.resolve()),
            "CHAOS_PLATTER": str(self._platter.resolve()),
        }
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _SYNC_EVERYTHING, environment["CHAOS_LIVE"]],
            env={**os.environ, **environment},
            check=True,
        )
        self._give_to_owner_of_data()
        return environment

    def cut(self, server: Server, *, survivors: Random | None = None) -> None:
        """Cut the power: every process of the server is dead, and its data is what was on the disk; start it again as ever.

        `survivors` draws which of the sectors that were written and not synced had reached the disk all the same (None:
        not one): pages are torn, and later writes are there without earlier ones.
        """
        _kill_family(server)
        tree = self._platter / "tree"
        if survivors is not None:
            for durable, written in self._dirty_files():
                _let_survive(durable, written, survivors)
        shutil.rmtree(self._data)
        tree.rename(self._data)
        shutil.rmtree(self._platter)

    def _give_to_owner_of_data(self) -> None:
        owner = self._data.stat()
        if os.geteuid() == 0:
            for path in (self._platter, *self._platter.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def _dirty_files(self) -> Iterator[tuple[Path, Path]]:
        """Files that are the same one on the disk and in the data, in an order that does not depend on the disk."""
        live_inodes = {
            path.stat().st_ino: int(path.name.partition("-")[0]) for path in (self._platter / "inodes").iterdir()
        }
        for durable in sorted((self._platter / "tree").rglob("*")):
            written = self._data / durable.relative_to(self._platter / "tree")
            both_are_there = durable.is_file() and written.is_file()
            if both_are_there and live_inodes.get(durable.stat().st_ino) == written.stat().st_ino:
                yield durable, written


def _let_survive(durable: Path, written: Path, survivors: Random) -> None:
    old, new = durable.read_bytes(), written.read_bytes()
    if old == new:
        return
    with durable.open("r+b") as file:
        # A file's new length is of no use to sectors beyond the old one: it is not on the disk.
        for at in range(0, min(len(old), len(new)), _SECTOR):
            sector = new[at : at + _SECTOR]
            if sector != old[at : at + _SECTOR] and survivors.random() < 0.5:
                file.seek(at)
                file.write(sector)


def _kill_family(server: Server) -> None:
    """SIGKILL for all of a server's processes; the first one is frozen so that it makes no more meanwhile."""
    if server.exit_code() is None:
        os.kill(server.pid, signal.SIGSTOP)
    family = _descendants(server.pid)
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.kill()
    give_up = time.monotonic() + _DIES_WITHIN
    while any(_parent_of(pid) is not None for pid in family):
        if time.monotonic() > give_up:
            raise DisasterError("A process of the server does not die of SIGKILL: it hangs in the kernel.")
        time.sleep(0.01)


def _descendants(pid: int) -> set[int]:
    parents = {
        int(entry.name): _parent_of(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()
    }
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _parent_of(pid: int) -> int | None:
    """None when there is no such process, or only a dead one that waits to be noticed."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, parent = text.rpartition(")")[2].split()[:2]
    return None if state == "Z" else int(parent)
