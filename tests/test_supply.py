"""What the service is built from: SQL that is written and never put together, packages known by their hash, no client of others."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[1]
LOCK: Final[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
PACKAGES: Final = [package for package in LOCK["package"] if "registry" in package["source"]]

BUILT: Final = '''
"""SQL that is put together from what a caller sent."""

from app.db.database import Executor


async def find_client(database: Executor, name: str) -> None:
    """Find it, or whatever else the name says."""
    await database.fetch({sql})
'''


@pytest.mark.parametrize(
    "sql", ["f\"SELECT id FROM clients WHERE name = '{name}'\"", '"SELECT id FROM clients WHERE name = " + name']
)
def test_sql_that_is_put_together_is_found_by_the_linter(sql: str) -> None:
    ruff = [str(Path(sys.executable).parent / "ruff"), "check", "--stdin-filename", "app/services/built.py", "-"]
    found = subprocess.run(
        ruff, input=BUILT.replace("{sql}", sql), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 1
    assert "S608" in found.stdout


def test_sql_that_is_put_together_elsewhere_is_found_by_its_type(tmp_path: Path) -> None:
    # Nothing in these lines looks like SQL: only the type of the argument tells that it is no constant.
    (tmp_path / "built.py").write_text(BUILT.replace("{sql}", "name"), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, str(tmp_path / "built.py")]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 1, found.stdout
    assert '"str" is not assignable to "LiteralString"' in found.stdout


# Webhooks have one door to the outside, which judges each address. The replay is a client, the listener for developers is a server, and
# the supervisor asks the processes that it has started.
ASKING: Final = {
    "app/core/webhook_client.py",
    "app/embedded/programs.py",
    "app/replay/api_client.py",
    "app/webhook_listener.py",
}


def test_no_other_part_of_the_service_asks_others() -> None:
    clients = re.compile(
        r"^\s*(?:import|from) (?:aiohttp|http\.client|httpx|requests|urllib\.request|urllib3)\b", re.MULTILINE
    )
    found = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "app").rglob("*.py")
        if clients.search(file.read_text(encoding="utf-8"))
    }
    assert found == ASKING


def test_every_package_in_the_lock_file_has_a_hash_and_comes_from_one_index() -> None:
    assert len(PACKAGES) > 50
    for package in PACKAGES:
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        for file in files:
            assert re.fullmatch("sha256:[0-9a-f]{64}", file["hash"]), package["name"]
            assert file["url"].startswith("https://files.pythonhosted.org/"), package["name"]


def test_the_lock_file_locks_what_the_project_asks_for() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (project,) = [package for package in LOCK["package"] if package["name"] == "postagens"]
    locked = [
        f"{each['name']}{'[' + ','.join(each['extras']) + ']' if 'extras' in each else ''}{each['specifier']}"
        for each in project["metadata"]["requires-dist"]
    ]
    assert sorted(asked) == sorted(locked)


def test_whatever_installs_takes_the_lock_file_as_it_is() -> None:
    """`uv sync --frozen` and `--require-hashes` refuse a file whose hash is another."""
    for name in ("Dockerfile", ".ci/sync"):
        text = (ROOT / name).read_text(encoding="utf-8")
        installing = re.findall(r"^.*\buv\"? (?:sync|pip install)\b.*$", text, re.MULTILINE)
        assert installing, name
        for line in installing:
            assert "--frozen" in line or "--require-hashes" in line or "--no-deps --editable ." in line, line
        assert not re.search(r"^[^#]*\bpip install (?!.*'uv>=)", re.sub(r'"\$uv" pip install', "", text), re.MULTILINE)
