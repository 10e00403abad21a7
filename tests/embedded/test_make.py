"""The Makefile: what `make help` tells, and how `make up` ends when something happens to make itself."""

import os
import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from app.embedded.folder import free_port
from tests.embedded.processes import all_gone, descendants
from tests.until import until_blocking

_PROJECT = Path(__file__).parents[2]

_MAKE = shutil.which("make") or ""

pytestmark = pytest.mark.skipif(not _MAKE, reason="there is no make here")


def test_help_lists_every_target_with_its_purpose() -> None:
    targets = re.search(r"^\.PHONY: (.+)$", (_PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets is not None

    told = subprocess.run([_MAKE, "help"], cwd=_PROJECT, capture_output=True, text=True, check=True).stdout

    assert sorted(re.findall(r"^  make ([\w-]+) +\S", told, re.MULTILINE)) == sorted(targets[1].split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a Makefile whose `up` is ours, without the installation that comes before it."""
    folder = tmp_path_factory.mktemp("make")
    (folder / "Makefile").write_text(
        f"up:\n\t@cd '{_PROJECT}' && exec '{sys.executable}' -m app.cli up --by-make --folder '{folder}/var' --port $(AT)\n"
    )
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill-9"])
def test_what_happens_to_make_alone_ends_everything(folder: Path, number: signal.Signals) -> None:
    output = folder / f"output of {number.name}"
    with output.open("wb") as file:
        make = subprocess.Popen(
            [_MAKE, "up", f"AT={free_port()}"],
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until_blocking("it is up", lambda: "is ready" in output.read_text(), 90)
        family = descendants(make.pid)
        assert len(family) > 4

        os.kill(make.pid, number)

        assert make.wait(60) == -number
        until_blocking("nothing of it is left", partial(all_gone, family), 20)
    finally:
        make.kill()
        make.wait()
