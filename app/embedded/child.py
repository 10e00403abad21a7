"""The step between a process and its child: it gives up root, ties itself to its parent's life, becomes the child.

It runs as a script with nothing but the standard library, in the new process and in this order: a change of user clears
the death signal, and drops the capabilities that reach into a closed folder.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final, TypedDict

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_KEEPCAPS: Final = 8
_PR_SET_SECUREBITS: Final = 28
_NO_SETUID_FIXUP: Final = 1 << 2
_KEEP_CAPS: Final = 1 << 4
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_CAP_DAC_OVERRIDE: Final = 1
_CAP_DAC_READ_SEARCH: Final = 2
_CAPABILITY_VERSION: Final = 0x20080522


class Plan(TypedDict):
    """What to become: `variables` are the names that stay in the environment (None: all), `user` and `group` are None
    when nothing changes, `reach` is what the new user must be able to read. Paths and arguments are `written`.
    """

    argv: list[str]
    variables: list[str] | None
    death_signal: int
    parent: int
    user: int | None
    group: int | None
    reach: list[str]


def written(argument: str | os.PathLike[str]) -> str:
    """The bytes of a path or argument, one character each: the locale in which it is read need not be the writer's."""
    return os.fsencode(argument).decode("latin-1")


def _read(text: str) -> bytes:
    return text.encode("latin-1")


def die_with_parent(death_signal: int) -> None:
    """Let the kernel send us this signal when the thread that started us ends; where there is no Linux, do nothing."""
    if sys.platform == "linux":
        _call("prctl", _PR_SET_PDEATHSIG, death_signal, 0, 0, 0)


def _call(function: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")


def _give_up_root(user: int, group: int, program: bytes, reach: Sequence[bytes]) -> None:
    """Become the user for good; keep the right to pass through closed folders only if `program` or `reach` needs it."""
    held = _held_capabilities()
    _call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    with contextlib.suppress(PermissionError):
        # PostgreSQL looks for its parts with access(2), which forgets a user's capabilities unless this says otherwise.
        _call("prctl", _PR_SET_SECUREBITS, _NO_SETUID_FIXUP | _KEEP_CAPS, 0, 0, 0)
    try:
        os.setgroups([group])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    except OSError as error:
        raise OSError(error.errno, f"root may not become user {user} here: run as an ordinary user") from error
    kept: list[int] = []
    # Reading and searching is enough for folders; only a binary without its x for others needs the wider right.
    for wanted in ([], [_CAP_DAC_READ_SEARCH], [_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE]):
        kept = [capability for capability in wanted if held >> capability & 1]
        _set_capabilities(held, effective=kept)
        if _reachable(program, os.X_OK) and all(_reachable(path, os.R_OK) for path in (program, *reach)):
            break
    _set_capabilities(sum(1 << capability for capability in kept), effective=kept)
    for capability in kept:
        _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _reachable(path: bytes, mode: int) -> bool:
    # A look at the modes would not know of ACLs and parents; the kernel's own answer, with the effective rights, does.
    try:
        return os.access(path, mode, effective_ids=True)
    except NotImplementedError:
        return False


def _held_capabilities() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123 (pathlib is slow to import)
        return next((int(line.split()[1], 16) for line in status if line.startswith("CapPrm:")), 0)


def _set_capabilities(permitted: int, *, effective: Sequence[int]) -> None:
    # What is to be raised as ambient must be inheritable too.
    bits = sum(1 << capability for capability in effective)
    words = [
        word
        for shift in (0, 32)
        for word in (bits >> shift & 0xFFFFFFFF, permitted >> shift & 0xFFFFFFFF, bits >> shift & 0xFFFFFFFF)
    ]
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _call("capset", header, (ctypes.c_uint32 * len(words))(*words))


def _become(plan: Plan) -> None:
    # Python ignores SIGPIPE and a background job ignores SIGINT; what is ignored would stay ignored in the new program.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    argv = [_read(argument) for argument in plan["argv"]]
    if plan["user"] is not None and plan["group"] is not None:
        _give_up_root(plan["user"], plan["group"], argv[0], [_read(path) for path in plan["reach"]])
    die_with_parent(plan["death_signal"])
    if os.getppid() != plan["parent"]:
        # It died before the line above, so no signal will ever come.
        sys.exit(1)
    if plan["variables"] is not None:
        for name in os.environ.keys() - set(plan["variables"]):
            del os.environ[name]
    os.execve(argv[0], argv, os.environ)  # noqa: S606 (no shell is the point)


if __name__ == "__main__":
    try:
        _become(json.loads(sys.argv[1]))
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        sys.exit(f"{where}{error.strerror}")
