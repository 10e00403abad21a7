"""The settings: where they come from, and what is wrong with a wrong one."""

from pathlib import Path

import pytest

from app.config import SettingsError, read_given, read_settings
from tests.service import JWT_SECRET, WEBHOOK_SECRET_KEYS

RIGHT = {
    "DATABASE_URL": "postgresql://u:p@h/d",
    "REDIS_URL": "redis://h",
    "JWT_SECRET": JWT_SECRET,
    "WEBHOOK_SECRET_KEYS": WEBHOOK_SECRET_KEYS,
}


@pytest.fixture(autouse=True)
def _right_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # away from the developer's .env
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "short"),
        ("JWT_SECRET", "change-me-change-me-change-me-change-me"),
        ("JWT_SECRET", "ab" * 32),
        ("JWT_PREVIOUS_SECRET", "short"),
        ("SESSION_DAYS", "0"),
        ("JWT_SECRET", "a-string-secret-at-least-256-bits-long"),
        ("JWT_SECRET", "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"),
        ("WEBHOOK_SECRET_KEYS", ""),
        ("WEBHOOK_SECRET_KEYS", f"{WEBHOOK_SECRET_KEYS},short"),
        ("WEBHOOK_SECRET_KEYS", f"{WEBHOOK_SECRET_KEYS},"),
        ("WEBHOOK_SECRET_KEYS", f"{WEBHOOK_SECRET_KEYS},{WEBHOOK_SECRET_KEYS}"),
        ("WEBHOOK_DEVELOPMENT", "perhaps"),
        ("TRACKING_CODE_PREFIXES", "Z1"),
        ("TRACKING_CODE_PREFIXES", "ZP,ZP"),
        ("TRACKING_CODE_PREFIXES", ""),
        ("TEST_TRACKING_CODE_PREFIXES", "ZP"),
        ("TEST_TRACKING_CODE_PREFIXES", "zt"),
        ("TEST_STEP_SECONDS", "-1"),
        ("PORT", "70000"),
        ("DATABASE_URL", "mysql://a/b"),
        ("REDIS_URL", "http://a"),
        ("LOG_LEVEL", "loud"),
        ("FREIGHT_PER_KG", "-1"),
        ("REDIS_TIMEOUT_SECONDS", "1"),
        ("MAX_SHARE_OF_ONE_CALLER", "0"),
        ("MAX_SHARE_OF_ONE_CALLER", "1.1"),
        ("MAX_CONCURRENT_REQUESTS", "0"),
        ("API_DRAIN_SECONDS", "-1"),
        ("MAX_EVENT_STREAMS", "0"),
        ("EVENT_HEARTBEAT_SECONDS", "0"),
        ("DATABASE_PATIENCE_SECONDS", "0"),
        ("RATE_LIMIT_PER_CLIENT", "-1"),
        ("FAILED_SIGN_INS_PER_ADDRESS", "many"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy.local"),
        ("CLIENT_PATIENCE_SECONDS", "0"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^The settings are not right:\n  {name}: [^\n]+$"):
        read_settings()


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RIGHT:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert all(f"{name}: " in str(error.value) for name in RIGHT)


def test_a_secret_is_never_part_of_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "hunter2-hunter2")
    monkeypatch.setenv("WEBHOOK_SECRET_KEYS", f"{WEBHOOK_SECRET_KEYS},hunter2")
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert "hunter2" not in str(error.value)


def test_secrets_may_be_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JWT_SECRET")
    (tmp_path / "jwt_secret").write_text(JWT_SECRET, encoding="utf-8")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    assert read_settings().jwt_secret.get_secret_value() == JWT_SECRET


def test_what_is_given_is_the_environment_then_the_env_file_then_the_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secrets").mkdir()
    for name in ("database_url", "redis_url", "jwt_secret"):
        (tmp_path / "secrets" / name).write_text(f"{name} of the folder")
    (tmp_path / ".env").write_text("DATABASE_URL=of the file\nREDIS_URL=of the file\nPORT=8123\nPYTHONPATH=of nobody\n")
    for name, value in {"SECRETS_DIR": "secrets", "REDIS_URL": "", "JWT_SECRET": "", "PYTHONPATH": "ours"}.items():
        monkeypatch.setenv(name, value)
    given = read_given()
    names = ("DATABASE_URL", "REDIS_URL", "JWT_SECRET", "PORT", "PYTHONPATH")
    assert [given[name] for name in names] == [
        RIGHT["DATABASE_URL"],
        "of the file",
        "jwt_secret of the folder",
        "8123",
        "ours",
    ]
    assert "PUBLIC_URL" not in given


def test_keys_stand_with_commas_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET_KEYS", f"{JWT_SECRET}, {WEBHOOK_SECRET_KEYS}")
    keys = read_settings().webhook_secret_keys
    assert [key.get_secret_value() for key in keys] == [JWT_SECRET, WEBHOOK_SECRET_KEYS]


@pytest.mark.parametrize(
    ("url", "local"),
    [
        (None, True),
        ("http://127.0.0.1:8000", True),
        ("http://127.8.0.1/sub", True),
        ("https://localhost", True),
        ("http://LOCALHOST:8000/", True),
        ("http://shop.localhost", True),
        ("http://[::1]:8000", True),
        ("http://0.0.0.0:8000", True),
        ("https://rastreio.loja.com.br", False),
        ("http://192.168.1.20:8000", False),
        ("https://localhost.loja.com.br", False),
        ("https://127.0.0.1.loja.com.br", False),
    ],
)
def test_a_public_address_that_nobody_else_can_follow_is_known(
    url: str | None, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if url is not None:
        monkeypatch.setenv("PUBLIC_URL", url)
    assert read_settings().public_url_is_local is local


@pytest.mark.parametrize(
    "url", ["http://[", "http://[::1", "http://a]b", "http://:80", "rastreio.loja.com.br", "ftp://a", "http://a?b"]
)
def test_a_public_address_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", url)
    with pytest.raises(SettingsError, match="PUBLIC_URL: "):
        read_settings()


@pytest.mark.parametrize(
    ("written", "proxies"),
    [
        ("", ()),
        ("10.0.0.7", ("10.0.0.7",)),
        ("10.0.0.7, 172.16.0.0/12,fd00::/8", ("10.0.0.7", "172.16.0.0/12", "fd00::/8")),
    ],
)
def test_trusted_proxies_are_addresses_and_networks(
    written: str, proxies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", written)
    assert read_settings().trusted_proxies == proxies


def test_prefixes_stand_with_commas_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKING_CODE_PREFIXES", "ZP, ZQ")
    assert read_settings().tracking_code_prefixes == ("ZP", "ZQ")
