"""Runs one process of the product as a chaos run orders it: `python -m chaos.program app.worker`.

The process is the product's own, with failpoints put in, and, where a negative control is ordered, with a safeguard taken out.
"""

import importlib
import os
import sys
from pathlib import Path

from chaos import controls, failpoints, names


def main() -> int:
    """The entry point; the exit code is the product's."""
    module = importlib.import_module(sys.argv[1])
    failpoints.Failpoints(Path(os.environ[failpoints.FOLDER_VARIABLE])).install()
    names.install()
    if control := os.environ.get(controls.VARIABLE):
        controls.CONTROLS[control].take_out()
    code: int = module.main()
    return code


if __name__ == "__main__":
    sys.exit(main())
