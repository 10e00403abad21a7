"""The containers: what can be told from their files, and, with COMPOSE_TEST=1 and a Docker engine, that they work for real.

COMPOSE_TEST=1 make test ARGS=tests/deploy
"""

import importlib.util
import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic.fields import FieldInfo

from app.config import Settings, read_settings

_ROOT: Final = Path(__file__).parents[2]
_WORKERS: Final = 4


def _text(name: str) -> str:
    return (_ROOT / name).read_text(encoding="utf-8")


# --- .env.example ---


def _as_example(name: str, field: FieldInfo) -> str:
    default = field.default
    shown = "" if field.is_required() else ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f"# {field.description}\n#{name.upper()}={shown}\n"


@pytest.mark.parametrize(("name", "field"), Settings.model_fields.items())
def test_a_setting_is_in_the_example_with_its_description_and_default(name: str, field: FieldInfo) -> None:
    assert _as_example(name, field) in _text(".env.example")


def test_the_example_names_nothing_else_and_sets_nothing() -> None:
    lines = _text(".env.example").splitlines()
    named = [match[1] for line in lines if (match := re.match(r"#([A-Z0-9_]+)=", line))]
    assert named == ["PUBLISH_ADDRESS", *(name.upper() for name in Settings.model_fields)]
    assert [line for line in lines if line and not line.startswith("#")] == []


# --- compose.yaml ---


def test_only_the_api_publishes_a_port() -> None:
    compose = _text("compose.yaml")
    (publishing,) = re.findall(r"^ +ports:", compose, re.MULTILINE)
    assert compose.index("  api:") < compose.index(publishing) < compose.index("  worker:")


def test_nothing_has_to_be_prepared() -> None:
    assert re.findall(r"(?<!\$)\$\{?\w+\}?(?!\w|:-)", _text("compose.yaml")) == []


def test_everybody_runs_as_the_group_that_the_secrets_are_laid_out_for(make_secrets: Any) -> None:
    users = set(re.findall(r'user: "(\d+):\1"', _text("compose.yaml"))) | set(
        re.findall(r"^USER (\d+):\1$", _text("Dockerfile"), re.MULTILINE)
    )
    assert users == {"0", *map(str, make_secrets.GROUPS.values())}


def test_the_image_is_made_of_nothing_that_is_not_named() -> None:
    rules = [line for line in _text(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule for rule in rules if rule.startswith("!")} == {
        *("!pyproject.toml", "!uv.lock", "!README.md", "!LICENSE", "!app", "!deploy/compose")
    }


def test_a_client_that_vanished_is_given_up_as_by_the_embedded_server() -> None:
    told = dict(re.findall(r"^ +- -c(tcp_\w+)=(\w+)$", _text("compose.yaml"), re.MULTILINE))
    embedded = dict(re.findall(r'"(tcp_\w+)": "(\w+)"', _text("app/embedded/postgres.py")))
    assert told == embedded
    assert len(told) == 4


# --- the secrets ---


@pytest.fixture
def make_secrets(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, without giving files to groups: that takes root."""
    spec = importlib.util.spec_from_file_location("make_secrets", _ROOT / "deploy/compose/make_secrets.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    return module


def _contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_a_second_start_keeps_every_secret(make_secrets: Any, tmp_path: Path) -> None:
    make_secrets.make_secrets(tmp_path)
    first = _contents(tmp_path)
    make_secrets.make_secrets(tmp_path)
    assert _contents(tmp_path) == first


def test_two_deployments_share_no_secret(make_secrets: Any, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        make_secrets.make_secrets(tmp_path / name)
    one, other = _contents(tmp_path / "one"), _contents(tmp_path / "other")
    assert {name for name in one if one[name] == other[name]} == {"db/roles.sql"}


def test_an_interrupted_start_is_made_good_by_the_next(make_secrets: Any, tmp_path: Path) -> None:
    make_secrets.make_secrets(tmp_path)
    first = _contents(tmp_path)
    (tmp_path / "app/jwt_secret").unlink()
    (tmp_path / "app/jwt_secret.new").write_text("hal")
    (tmp_path / "seeds.json.new").write_text("{")
    make_secrets.make_secrets(tmp_path)
    (tmp_path / "seeds.json.new").unlink()
    assert _contents(tmp_path) == first


def test_a_secret_that_a_newer_release_adds_leaves_the_others_alone(
    make_secrets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_secrets.make_secrets(tmp_path)
    first = _contents(tmp_path)
    monkeypatch.setattr(make_secrets, "SEEDS", (*make_secrets.SEEDS, "newer"))
    make_secrets.make_secrets(tmp_path)
    second = _contents(tmp_path)
    assert "newer" in second["seeds.json"]
    assert {name for name in first if first[name] != second[name]} == {"seeds.json"}


def test_nobody_else_may_read_a_secret(make_secrets: Any, tmp_path: Path) -> None:
    make_secrets.make_secrets(tmp_path)
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes.pop("seeds.json") == 0o400
    assert set(modes.values()) == {0o440, 0o750}


@pytest.mark.parametrize(("folder", "role"), [("app", "postagens_application"), ("migrate", "postagens")])
def test_the_application_accepts_what_was_made(
    make_secrets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, role: str
) -> None:
    make_secrets.make_secrets(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / folder))
    monkeypatch.chdir(tmp_path)
    assert read_settings().database_url.hosts()[0]["username"] == role


# --- the containers themselves ---


class Compose:
    """`docker compose` on a project of its own, so that nothing else on the engine is touched."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: Final = probe.getsockname()[1]
        self._project: Final = f"postagens-test-{secrets.token_hex(4)}"

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", "compose", "--project-name", self._project, *arguments],
            cwd=_ROOT,
            env={**os.environ, "PORT": str(self.port), "PUBLISH_ADDRESS": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"docker compose {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def up(self) -> None:
        """Start everything and wait until it is ready."""
        self("up", "--build", "--detach", "--wait", "--scale", f"worker={_WORKERS}")

    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    """Everything, running."""
    if os.environ.get("COMPOSE_TEST") != "1":
        pytest.skip("builds images and starts containers: set COMPOSE_TEST=1")
    compose = Compose()
    try:
        compose.up()
        yield compose
    finally:
        compose("down", "--volumes", "--rmi", "local")


def _demo(compose: Compose) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--url", compose.url()],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_containers_account_for_every_update(compose: Compose) -> None:
    demo = _demo(compose)
    assert demo.returncode == 0, demo.stdout + demo.stderr


def test_nobody_is_root_and_nobody_can_write_to_the_image(compose: Compose) -> None:
    for service in ("api", "worker", "db", "redis"):
        assert compose("exec", "-T", service, "id", "-u") != "0"
        assert compose("exec", "-T", service, "sh", "-c", "touch /here 2>/dev/null || echo refused") == "refused"
        assert (
            compose("exec", "-T", service, "sh", "-c", "cat /secrets/seeds.json 2>/dev/null || echo refused")
            == "refused"
        )


def test_nothing_but_the_api_can_be_reached(compose: Compose) -> None:
    published = [line for line in compose("ps", "--format", "{{.Service}} {{.Ports}}").splitlines() if "->" in line]
    assert published == [f"api 127.0.0.1:{compose.port}->8000/tcp"]


def test_the_application_may_not_change_the_schema(compose: Compose) -> None:
    psql = 'PGPASSWORD="$(cat /secrets/db/superuser_password)" psql -h 127.0.0.1 -U postgres -d postagens -Atc "$0"'
    connected = "select distinct usename from pg_stat_activity where datname = 'postagens' and usename <> 'postgres'"
    may_create = "select rolname from pg_roles where has_schema_privilege(rolname, 'public', 'create') and rolcanlogin"
    assert compose("exec", "-T", "db", "sh", "-c", psql, connected) == "postagens_application"
    assert set(compose("exec", "-T", "db", "sh", "-c", psql, may_create).splitlines()) == {"postagens", "postgres"}


def test_operators_data_and_secrets_outlive_the_containers(compose: Compose) -> None:
    operator = ("--email", "operator@example.com", "--name", "Operator", "--password", secrets.token_urlsafe())
    assert "created" in compose("exec", "-T", "api", "postagens", "create-operator", *operator)
    seeds = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "sha256sum", "secrets", "/secrets/seeds.json")
    before = compose(*seeds)
    compose("down")
    compose.up()
    assert compose(*seeds) == before
    again = compose("exec", "-T", "api", "sh", "-c", 'postagens create-operator "$@" 2>&1 || true', "sh", *operator)
    assert "created" not in again
