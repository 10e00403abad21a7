"""A clock that jumps: the time of day of running processes, stepped from outside."""

import os
import struct
from pathlib import Path
from typing import Final

from chaos.disasters.shim import build_shim

_NANOSECONDS: Final = 1_000_000_000


class Clock:
    """The time of day of every process that was started with `environment`; monotonic clocks go on undisturbed."""

    def __init__(self, folder: Path) -> None:
        """`folder` keeps the shim and the control file. Raises DisasterError where there is no C compiler."""
        folder = folder.absolute()
        library = build_shim(folder)
        self._control = folder / "clock"
        self._seconds = 0.0
        self.reset()
        self.environment: Final = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._control)}

    @property
    def seconds(self) -> float:
        """By how much it is ahead of the machine's clock."""
        return self._seconds

    def step(self, seconds: float) -> None:
        """Step forward, or back when negative, from where it stands."""
        self._set(self._seconds + seconds)

    def reset(self) -> None:
        """Back to the machine's time."""
        self._set(0)

    def _set(self, seconds: float) -> None:
        self._seconds = seconds
        # In place and in one piece: the processes look at this very file through a mapping of it.
        descriptor = os.open(self._control, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, struct.pack("=q", round(seconds * _NANOSECONDS)), 0)
        finally:
            os.close(descriptor)
