"""What the shim calls durable: the rules of power_cut.c, one by one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.disasters import shim
from chaos.disasters.errors import DisasterError
from chaos.disasters.power_cut import PowerCut

pytestmark = pytest.mark.usefixtures("_compiler")

_HELPERS = """
import os
def write(name, text, sync=False):
    with open(name, "w") as file:
        file.write(text)
        file.flush()
        if sync:
            os.fdatasync(file.fileno())
def sync(name):
    descriptor = os.open(name, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
"""


def after_the_cut(folder: Path, script: str) -> dict[str, str]:
    """The files that are on the disk when a program has done this in a folder with `old` and `inner/old`."""
    data = folder / "data"
    (data / "inner").mkdir(parents=True)
    (data / "old").write_text("old")
    (data / "inner" / "old").write_text("old")
    environment = PowerCut(folder).environment()
    subprocess.run([sys.executable, "-c", _HELPERS + script], cwd=data, env={**os.environ, **environment}, check=True)
    tree = folder / "platter" / "tree"
    return {str(path.relative_to(tree)): path.read_text() for path in tree.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("script", "changed"),
    [
        pytest.param("write('old', 'new')", {}, id="a write is lost"),
        pytest.param("write('old', 'new', sync=True)", {"old": "new"}, id="a synced write stays"),
        pytest.param("write('old', 'new', sync=True); write('old', '')", {"old": "new"}, id="a later write is lost"),
        pytest.param("write('new', 'new')", {}, id="a new file is lost"),
        pytest.param("write('new', 'new', sync=True)", {"new": "new"}, id="a synced new file stays"),
        pytest.param("write('new', 'new'); sync('.')", {"new": ""}, id="a name without its content is empty"),
        pytest.param(
            "os.makedirs('a/b'); write('a/b/new', 'new', sync=True)", {"a/b/new": "new"}, id="folders come with a file"
        ),
        pytest.param("os.remove('old')", {}, id="a removal is lost"),
        pytest.param("os.remove('old'); sync('.')", {"old": None}, id="a synced removal stays"),
        pytest.param("os.rename('old', 'new')", {}, id="a rename is lost"),
        pytest.param("os.rename('old', 'new'); sync('new')", {}, id="a rename is lost, though the file was synced"),
        pytest.param("os.rename('old', 'new'); sync('.')", {"old": None, "new": "old"}, id="a synced rename stays"),
        pytest.param(
            "write('draft', 'new', sync=True); os.rename('draft', 'old')", {"draft": "new"}, id="half a replacement"
        ),
        pytest.param(
            "write('draft', 'new', sync=True); os.rename('draft', 'old'); sync('.')",
            {"old": "new"},
            id="a whole replacement",
        ),
        pytest.param(
            "os.remove('old'); write('old', 'other'); sync('old')", {"old": "other"}, id="another file of that name"
        ),
        pytest.param(
            "os.remove('inner/old'); os.rmdir('inner'); sync('.')", {"inner/old": None}, id="a removed folder"
        ),
    ],
)
def test_what_is_there_after_a_cut(tmp_path: Path, script: str, changed: dict[str, str | None]) -> None:
    expected = {"old": "old", "inner/old": "old"} | changed
    assert after_the_cut(tmp_path, script) == {name: text for name, text in expected.items() if text is not None}


def test_a_shim_that_cannot_work_ends_the_program(tmp_path: Path) -> None:
    library = shim.build_shim(tmp_path)
    for wrong in ({"CHAOS_CLOCK": "/nonexistent"}, {"CHAOS_LIVE": str(tmp_path)}):
        done = subprocess.run(
            ["/bin/true"], env={"LD_PRELOAD": str(library), **wrong}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "the chaos shim cannot work" in done.stderr


def test_a_machine_without_a_compiler_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DisasterError, match="There is no C compiler here"):
        shim.build_shim(tmp_path / "shim")
