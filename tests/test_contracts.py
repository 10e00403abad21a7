"""The import contracts hold, every part of the application has its place in them, and each is noticed when broken."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
CONFIG: Final = ".importlinter"
_PREFIX: Final = "importlinter:contract:"


def _read_contracts() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser()
    parser.read_string((ROOT / CONFIG).read_text(encoding="utf-8"))
    return {name.removeprefix(_PREFIX): dict(parser[name]) for name in parser.sections() if name.startswith(_PREFIX)}


CONTRACTS: Final = _read_contracts()

# One import that breaks the contract, and the file it is written into.
BREAKING: Final = (
    ("inward", "app/models/shape.py", "import app.core.ids"),
    ("inward", "app/core/auth.py", "import app.db.database"),
    ("inward", "app/core/ids.py", "import app.core.cursors"),
    ("inward", "app/core/redis.py", "import app.core.hint_sender"),
    ("inward", "app/core/secret_box.py", "import app.core.webhook_client"),
    ("inward", "app/core/hint_sender.py", "import app.core.change_listener"),
    ("inward", "app/core/known_places.py", "import app.core.quota_sharing"),
    ("inward", "app/core/quotas.py", "import app.core.addresses"),
    ("inward", "app/core/threads.py", "import app.core.ids"),
    ("inward", "app/core/common_passwords.py", "import app.core.auth"),
    ("inward", "app/labels/layout.py", "import app.services.freight"),
    ("inward", "app/db/database.py", "import app.services.errors"),
    ("inward", "app/services/freight.py", "import app.core.deps"),
    ("inward", "app/services/freight.py", "import app.api.problems"),
    ("inward", "app/core/deps.py", "import app.api.problems"),
    ("inward", "app/workers/posting_status_worker.py", "import app.api.problems"),
    ("inward", "app/web/pages.py", "import app.api.links"),
    ("inward", "app/api/v1/router.py", "import app.main"),
    ("inward", "app/worker.py", "import app.main"),
    ("inward", "app/webhook_worker.py", "import app.worker"),
    ("inward", "app/config.py", "import app.services.freight"),
    ("routes", "app/api/v1/endpoints/routes_postings.py", "import app.db.database"),
    ("routes", "app/web/pages.py", "from app.db.queries import postings"),
    ("rules", "app/services/posting_service.py", "import asyncpg"),
    ("rules", "app/services/posting_service.py", "from fastapi import HTTPException"),
    ("rules", "app/labels/renderer.py", "import starlette.responses"),
    ("rules", "app/models/shape.py", "import starlette.status"),
    ("rules", "app/workers/posting_status_worker.py", "from redis.exceptions import RedisError"),
    ("door", "app/api/handlers.py", "import asyncpg"),
    ("door", "app/core/hint_sender.py", "from redis.asyncio import Redis"),
    ("door", "app/core/change_listener.py", "from redis.asyncio import Redis"),
    ("door", "app/core/quota_sharing.py", "from redis.asyncio import Redis"),
    ("door", "app/core/webhook_client.py", "import asyncpg"),
    ("outside", "app/services/freight.py", "import aiohttp"),
    ("outside", "app/workers/posting_decider.py", "from aiohttp import ClientSession"),
    ("sql", "app/db/queries/postings.py", "import app.models.fields"),
    ("sql", "app/db/queries/postings.py", "import app.db.migrate"),
    ("sql", "app/db/queries/postings.py", "import re"),
    ("sql", "app/db/queries/postings.py", "import pydantic"),
    ("settings", "app/core/deps.py", "from app.config import Settings"),
    ("settings", "app/embedded/system.py", "import app.config"),
    ("embedded-used", "app/main.py", "import app.embedded.up"),
    ("embedded-used", "app/db/connection.py", "from app.embedded import errors"),
    ("embedded-uses", "app/embedded/system.py", "import app.core.redis"),
    ("embedded-uses", "app/embedded/system.py", "import app.db.database"),
    ("replay-used", "app/services/freight.py", "import app.replay.orders"),
    ("replay-used", "app/webhook_worker.py", "import app.webhook_listener"),
    ("replay-uses", "app/replay/orders.py", "from app.models import fields"),
    ("replay-uses", "app/replay/orders.py", "import app.core.tracking_code"),
    ("replay-uses", "app/webhook_listener.py", "import app.core.webhook_signing"),
)


def lint_imports(tree: Path) -> "subprocess.CompletedProcess[str]":
    """Run lint-imports on the tree, as `make check` does."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=tree,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the application and its contracts."""
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / CONFIG, tmp_path)
    return tmp_path


def test_all_contracts_are_kept(tree: Path) -> None:
    done = lint_imports(tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in done.stdout


@pytest.mark.parametrize(("contract", "file", "statement"), BREAKING)
def test_an_import_that_breaks_a_contract_is_noticed(tree: Path, contract: str, file: str, statement: str) -> None:
    with (tree / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{statement}\n")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"\n{CONTRACTS[contract]['name']} BROKEN" in done.stdout


def test_every_contract_is_broken_once() -> None:
    assert {contract for contract, _, _ in BREAKING} == set(CONTRACTS)


def test_every_part_of_the_application_has_its_place() -> None:
    layers = set(CONTRACTS["inward"]["layers"].replace("|", "\n").split())
    apart = {"app.embedded", "app.replay", "app.webhook_listener"}
    assert layers | apart == _parts("app") - {"app.core"} | _parts("app/core")


@pytest.mark.parametrize(
    ("program", "others"),
    [
        ("app.cli", {"aiohttp", "argon2", "asyncpg", "fastapi", "jwt", "redis", "uvicorn", "reportlab", "PIL"}),
        ("app.main", {"aiohttp", "reportlab", "PIL"}),
        ("app.worker", {"aiohttp", "fastapi", "uvicorn", "reportlab", "PIL"}),
        ("app.webhook_worker", {"fastapi", "uvicorn", "reportlab", "PIL", "jwt"}),
    ],
)
def test_a_program_starts_without_what_it_does_not_need_yet(program: str, others: set[str]) -> None:
    code = f"import sys, {program}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not others & set(done.stdout.split())


def _parts(folder: str) -> set[str]:
    """The modules and packages that lie in the folder."""
    found = {path.with_suffix("") for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"}
    found |= {path.parent for path in (ROOT / folder).glob("*/__init__.py")}
    return {".".join(path.relative_to(ROOT).parts) for path in found}
