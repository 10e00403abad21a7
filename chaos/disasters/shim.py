"""Builds the shim that stands between a program and the machine, with the machine's own C compiler."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from chaos.disasters.errors import DisasterError

_SOURCES: Final = [Path(__file__).with_name(name) for name in ("clock.c", "power_cut.c")]
_OPTIONS: Final = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


def can_build_shim() -> bool:
    """Whether this is Linux with a C compiler."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def build_shim(folder: Path) -> Path:
    """The shim for LD_PRELOAD in this folder, put there at the first call; raises DisasterError."""
    library = folder / "shim.so"
    if library.exists():
        return library
    if not can_build_shim():
        raise DisasterError("There is no C compiler here (`cc`, on Linux): install gcc or clang.")
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"shim.{os.getpid()}.so"
    draft.write_bytes(_compiled())
    # Whoever the server becomes must be able to load it.
    draft.chmod(0o755)
    draft.rename(library)
    return library


@cache
def _compiled() -> bytes:
    """Once a process: every program of a run has a shim of its own, and all are the same."""
    with TemporaryDirectory() as folder:
        library = Path(folder) / "shim.so"
        built = subprocess.run(
            ["cc", *_OPTIONS, "-o", library, *_SOURCES, "-ldl"],  # noqa: S607 (whichever the machine has)
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            raise DisasterError(f"The C compiler refuses the shim: {built.stderr.strip()}")
        return library.read_bytes()
