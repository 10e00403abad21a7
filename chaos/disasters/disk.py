"""A small disk of its own for a server, that can be filled to the last byte and freed again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chaos.disasters.errors import DisasterError

# A server whose archive is out of reach keeps all of its WAL. Without this it uses the same files again and again, and no
# disk of WAL is ever full.
KEEPS_ALL_WAL: Final = {"wal_keep_size": "1GB"}


class Disk:
    """A mounted disk: `path` is a folder in which everybody may make folders."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Take all the space that is left; again and again, where a server has freed some meanwhile."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                while _wrote(file.fileno(), b"\0" * size):
                    pass

    def free(self) -> None:
        """Give back what was taken."""
        self._ballast.unlink(missing_ok=True)


def initdb_with_wal_in(folder: Path) -> tuple[str, ...]:
    """Options for start_postgres that put the WAL, in files of 1 MB, into this folder, whoever the server runs as."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o1777)
    return ("--wal-segsize=1", f"--waldir={folder / 'wal'}")


def _wrote(descriptor: int, block: bytes) -> bool:
    try:
        return os.write(descriptor, block) == len(block)
    except OSError:
        return False


def can_mount() -> bool:
    """Whether we may mount a disk here."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def small_disk(folder: Path, *, size_mb: int) -> Iterator[Disk]:
    """Yield a disk of so many megabytes, mounted on `folder` (in memory, so its fsync is quick); raises DisasterError.

    Stop what uses it before the block ends.
    """
    if not can_mount():
        raise DisasterError("Only root on Linux can mount a small disk.")
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=1777", "postagens-chaos", str(folder))
    try:
        yield Disk(folder)
    finally:
        # Lazily: a server that was killed a moment ago may still have files open, and is gone a moment later.
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DisasterError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
