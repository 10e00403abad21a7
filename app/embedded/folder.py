"""The folder of one embedded server: whose it is, who uses it now, its password, its port and its log."""

import errno
import fcntl
import os
import pwd
import random
import secrets
import socket
import time
from pathlib import Path
from typing import Final

from app.embedded.errors import EmbeddedError

# Below the range for outgoing connections: there, a client that retries could by chance take the port that it calls.
_PORTS: Final = range(20_000, 32_768)
_LOG_LIMIT: Final = 10_000_000


class FolderLock:
    """Holds a folder for this process and, where the descriptor is passed on, for its children too.

    A server inherits the lock, so it stays held until the last of its processes is gone, whoever was killed: a pid file
    found by the holder of the lock is stale, with certainty.
    """

    def __init__(self, folder: Path, *, user: str, patience: float = 0.0) -> None:
        """Take the lock, waiting up to `patience` seconds for children that a killed parent left dying.

        `user` is what holds such locks, for the sentence of the EmbeddedError.
        """
        self._file = (folder / "lock").open("a+", encoding="ascii")
        give_to_owner_of(folder, folder / "lock")
        give_up = time.monotonic() + patience
        while not self._taken():
            holder = self._holder()
            if time.monotonic() >= give_up or (holder is not None and _alive(holder)):
                self._file.close()
                raise EmbeddedError(f"Another {user} is using {folder}{f' (pid {holder})' if holder else ''}.")
            time.sleep(0.02)
        self._note(str(os.getpid()))

    @property
    def descriptor(self) -> int:
        return self._file.fileno()

    def release(self) -> None:
        if not self._file.closed:
            self._note("")
            self._file.close()

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> int | None:
        self._file.seek(0)
        text = self._file.read().strip()
        return int(text) if text.isdigit() else None

    def _note(self, text: str) -> None:
        self._file.truncate(0)
        self._file.write(text)
        self._file.flush()


def lock_holder(folder: Path) -> int | None:
    """The process that holds this folder's lock, if it is alive."""
    text = (folder / "lock").read_text(encoding="ascii").strip()
    return int(text) if text.isdigit() and _alive(int(text)) else None


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    # A dead process that nobody has looked after yet still has its number.
    return state != "Z"


def open_folder(folder: Path) -> Path:
    """The folder, absolute and made if it was missing. Raises EmbeddedError when it is not ours to write in."""
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise EmbeddedError(f"{error.filename or folder} cannot be used: {error.strerror}.") from error
    if stranger := _stranger(folder):
        raise EmbeddedError(f"{folder} belongs to {stranger}: run as that user, or choose another folder.")
    if not writable:
        raise EmbeddedError(f"{folder} is not writable.")
    return folder


def _stranger(folder: Path) -> str | None:
    """The name of another user whose folder this is, or whose data it holds; root may use everybody's."""
    if os.geteuid() == 0:
        return None
    owners = [entry.stat().st_uid for entry in (folder, folder / "lock", folder / "data") if entry.exists()]
    other = next((owner for owner in owners if owner != os.geteuid()), None)
    if other is None:
        return None
    try:
        return pwd.getpwuid(other).pw_name
    except KeyError:
        return f"user {other}"


def keep_secret(path: Path, *, length: int = 24) -> str:
    """The random secret kept in this file, made at the first call; readable by the folder's owner alone."""
    try:
        if secret := path.read_text(encoding="ascii").strip():
            return secret
    except FileNotFoundError:
        pass
    secret = secrets.token_urlsafe(length)
    write_private(path, secret + "\n")
    return secret


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; a reader sees the old content or the new, never a part."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    give_to_owner_of(path.parent, draft)
    draft.rename(path)


def give_to_owner_of(folder: Path, path: Path) -> None:
    """As root in somebody's folder, leave nothing there that its owner could not use later."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def open_log(path: Path) -> int:
    """A descriptor that appends to this log; a log that has grown too long is set aside first."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.rename(path.with_name(path.name + ".old"))
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    give_to_owner_of(path.parent, path)
    return descriptor


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: a connection of an earlier server that waits for its end is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise EmbeddedError(f"Nothing can listen on {host} port {port}: {error.strerror}.") from error
        return True


def free_port() -> int:
    """A random port that is free now; another process may still take it first."""
    for port in random.sample(_PORTS, 200):
        if is_free(port):
            return port
    raise EmbeddedError("No free port was found on 127.0.0.1.")


def free_port_from(first: int, *, host: str = "127.0.0.1") -> int:
    """This port, or the next one that is free."""
    for port in range(first, min(first + 200, 65_536)):
        if is_free(port, host=host):
            return port
    raise EmbeddedError(f"No free port was found on {host} from {first} on.")
