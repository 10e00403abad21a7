"""Memory that the C library keeps after its use, and how a process gives it back to the system."""

import ctypes
from collections.abc import Callable
from typing import Final

_M_ARENA_MAX: Final = -8  # malloc.h of glibc; mallopt(3)


def use_one_arena() -> None:
    """Called before any thread begins: all of them take memory from one place, the only one that can be given back as a whole.

    Each thread would have a place (an arena) of its own, which keeps the largest that the thread ever needed. Where the C library is
    another than glibc nothing is done.
    """
    if mallopt := _function("mallopt"):
        mallopt(_M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Give back what is free: it is mapped anew, page by page, when it is needed again (malloc_trim(3)). Takes about a millisecond."""
    if malloc_trim := _function("malloc_trim"):
        malloc_trim(0)


def _function(name: str) -> Callable[..., int] | None:
    """The C library's function of this name, where it has one."""
    return getattr(ctypes.CDLL(None), name, None)
