"""How many files and connections a process may have open: the system's usual limit is meant for a shell."""

import resource


def allow_open_files(wanted: int) -> int:
    """Raise the soft limit to `wanted`, as far as the hard limit allows, and return how many there may be now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(most, soft)
