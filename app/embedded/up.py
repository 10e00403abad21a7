"""Runs the whole product on one machine: PostgreSQL, Valkey, migrations, API and workers, from nothing to ready."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from app.embedded.child import die_with_parent
from app.embedded.errors import EmbeddedError
from app.embedded.folder import FolderLock, open_folder
from app.embedded.system import System
from app.embedded.wakeup import Wakeup


def up(*, port: int | None, workers: int, folder: Path, environment: Mapping[str, str], by_make: bool = False) -> int:
    """Start everything, keep it running until Ctrl-C or SIGTERM, stop it in order; return the exit code.

    `environment` is what the processes inherit; DATABASE_URL, REDIS_URL, the secrets, HOST, PORT and PUBLIC_URL in it stand
    for our own. All that is kept lies in `folder`. `by_make`: end when make ends, and speak of its targets.
    """
    if by_make:
        die_with_parent(signal.SIGTERM)
    try:
        with Wakeup(make=os.getppid() if by_make else None) as wakeup, ExitStack() as at_end:
            folder = open_folder(folder)
            at_end.callback(FolderLock(folder, user="`make up`").release)
            system = System(folder, environment, port=port, workers=workers, wakeup=wakeup, say=_say)
            at_end.callback(system.stop)
            system.start()
            if not wakeup.stopping:
                _say(system.where_to_look(by_make=by_make))
                system.keep_running()
            _say("Stopping.")
        _say("Stopped.")
    except (EmbeddedError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _say(text: str) -> None:
    # A closed terminal is no reason to leave the parts unattended.
    with suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
