"""The garbage collector of a process that serves: out of the way of work that makes thousands of objects and no cycles."""

import gc
from typing import Final

_OBJECTS_BETWEEN_COLLECTIONS: Final = 20_000


def calm_collector() -> None:
    """Called once all that stays has been built.

    What is there then stays: the collector need not walk it, for 50 ms at a time, again and again. A hundred requests under way are
    thousands of objects that come and go without any cycle: it would look for one among them every few requests, for 7 % of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
