"""The file by which other commands find a running `make up`."""

import stat
from pathlib import Path

import pytest

from app.embedded.connections import read_connections, remove_connections, write_connections
from app.embedded.errors import EmbeddedError
from app.embedded.folder import FolderLock, keep_secret, write_private

_CONNECTIONS = {"DATABASE_URL": "postgresql://a:b=c@127.0.0.1:1/d", "API_URL": "http://127.0.0.1:8000"}


def test_nothing_is_told_where_nothing_ever_ran(tmp_path: Path) -> None:
    assert read_connections(tmp_path / "var") == {}


def test_what_was_written_is_read_while_its_writer_lives(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, user="`make up`")
    write_connections(tmp_path, _CONNECTIONS)

    assert read_connections(tmp_path) == _CONNECTIONS
    assert stat.S_IMODE((tmp_path / "connections.env").stat().st_mode) == 0o600

    lock.release()
    assert read_connections(tmp_path) == {}


def test_nothing_is_told_after_a_clean_stop(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, user="`make up`")
    write_connections(tmp_path, _CONNECTIONS)
    remove_connections(tmp_path)

    assert read_connections(tmp_path) == {}
    lock.release()


def test_a_folder_is_locked_by_one_at_a_time(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, user="`make up`")
    with pytest.raises(EmbeddedError, match="Another `make up` is using"):
        FolderLock(tmp_path, user="`make up`")
    lock.release()

    FolderLock(tmp_path, user="`make up`").release()


def test_a_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    secret = keep_secret(tmp_path / "secret", length=48)

    assert len(secret) == 64
    assert keep_secret(tmp_path / "secret") == secret
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_draft_that_a_killed_writer_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "secret.new").write_text("half")

    write_private(tmp_path / "secret", "whole")

    assert (tmp_path / "secret").read_text() == "whole"
