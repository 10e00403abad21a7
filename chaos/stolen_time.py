"""Time that the host of a shared machine gave to others: whoever waits then waits for the host, and that says nothing of us."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench.stolen_time import MUCH, processor_times, stolen_share
from chaos.ledger import Ledger, Stolen, now

_EVERY_SECONDS: Final = 0.2


@contextmanager
def noting_stolen_time(ledger: Ledger) -> Iterator[None]:
    """Meanwhile, write down when more than a tenth of it was stolen."""
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(ledger, over), name="stolen time")
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _watch(ledger: Ledger, over: threading.Event) -> None:
    began, before = now(), processor_times()
    while not over.wait(_EVERY_SECONDS):
        ended, after = now(), processor_times()
        if stolen_share(before, after) > MUCH:
            ledger.write(Stolen(began, ended))
        began, before = ended, after
