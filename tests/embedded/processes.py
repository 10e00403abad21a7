"""What these tests ask the kernel about processes."""

from collections.abc import Iterable
from pathlib import Path


def is_alive(pid: int) -> bool:
    """A zombie counts as gone: it only waits to be noticed."""
    return _stat(pid)[:1] not in ([], ["Z"])


def all_gone(pids: Iterable[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


def descendants(pid: int) -> set[int]:
    """All processes below this one."""
    parents = {int(entry.name): _parent(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def user_of(pid: int) -> int:
    """The effective user that the process runs as."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[2]) for line in lines if line.startswith("Uid:"))


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The name in parentheses may hold anything; what follows the last one is plain.
    return text.rpartition(")")[2].split()
