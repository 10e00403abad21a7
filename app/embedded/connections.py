"""What a running `make up` tells other commands about itself: its URLs, in one private file."""

from collections.abc import Mapping
from pathlib import Path

from app.embedded.folder import lock_holder, write_private

_NAME = "connections.env"


def write_connections(folder: Path, connections: Mapping[str, str]) -> None:
    write_private(folder / _NAME, "".join(f"{name}={value}\n" for name, value in connections.items()))


def remove_connections(folder: Path) -> None:
    (folder / _NAME).unlink(missing_ok=True)


def read_connections(folder: Path) -> dict[str, str]:
    """DATABASE_URL, REDIS_URL, the secrets and API_URL of the `make up` that runs on this folder; {} when none runs."""
    try:
        text = (folder / _NAME).read_text(encoding="utf-8")
        # A killed supervisor leaves its file behind, and the servers of that file are gone.
        if lock_holder(folder) is None:
            return {}
    except (FileNotFoundError, PermissionError):
        return {}
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
