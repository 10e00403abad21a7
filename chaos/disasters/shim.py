"""Builds the shim that stands between a program and the machine, with the machine's own C compiler."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from chaos.disasters.errors import DisasterError

_SOURCES: Final = [Path(__file__).with_name(name) for name in ("clock.c", "power_cut.c")]
_OPTIONS: Final = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


def can_build_shim() -> bool:
    """Whether this is Linux with a C compiler."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def build_shim(folder: Path) -> Path:
    """The shim for LD_PRELOAD in this folder, built at the first call; raises DisasterError."""
    library = folder / "shim.so"
    if library.exists():
        return library
    if not can_build_shim():
        raise DisasterError("There is no C compiler here (`cc`, on Linux): install gcc or clang.")
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"shim.{os.getpid()}.so"
    built = subprocess.run(
        ["cc", *_OPTIONS, "-o", draft, *_SOURCES, "-ldl"],  # noqa: S607 (whichever the machine has)
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode != 0:
        raise DisasterError(f"The C compiler refuses the shim: {built.stderr.strip()}")
    # Whoever the server becomes must be able to load it.
    draft.chmod(0o755)
    draft.rename(library)
    return library
