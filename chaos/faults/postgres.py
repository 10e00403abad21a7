"""Rows 5 and 6: PostgreSQL dies, restarts and freezes, and one posting is held by a long transaction."""

import asyncio
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final

import asyncpg

from chaos.faults.fault import RECOVERY_SECONDS, Expectation, Fault
from chaos.ledger import NO_ANSWER
from chaos.probe import Probe
from chaos.servers import children
from chaos.system import Missed, System, until

_HELD_BACK_SECONDS: Final = 5.0


@contextmanager
def _killed(system: System, _chance: random.Random) -> Iterator[None]:
    system.servers.postgres.kill()
    yield
    system.servers.restart_postgres()


@contextmanager
def _restarted(system: System, _chance: random.Random) -> Iterator[None]:
    system.servers.postgres.stop()
    yield
    system.servers.restart_postgres()


def _serves_a_client(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return False
    return command.startswith(b"postgres: postagens ")


@contextmanager
def _backend_killed(system: System, chance: random.Random) -> Iterator[None]:
    """PostgreSQL then throws all others out and recovers from its log."""
    backends: list[int] = []

    def found() -> bool:
        backends[:] = [pid for pid in children(system.servers.postgres.pid) if _serves_a_client(pid)]
        return bool(backends)

    until("somebody is connected to PostgreSQL", found, seconds=10)
    os.kill(chance.choice(backends), signal.SIGKILL)
    yield


@contextmanager
def _frozen(system: System, _chance: random.Random) -> Iterator[None]:
    pids = [system.servers.postgres.pid, *children(system.servers.postgres.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):  # whoever was woken first may have ended another
                os.kill(pid, signal.SIGCONT)


class _Holder:
    """A long transaction of somebody else's that holds one posting, in a thread of its own."""

    def __init__(self, url: str, tracking_code: str) -> None:
        self._url = url
        self._tracking_code = tracking_code
        self._holds = threading.Event()
        self._release = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._hold()), daemon=True)

    async def _hold(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            async with connection.transaction():
                await connection.execute(
                    "SELECT FROM postings WHERE tracking_code = $1 FOR UPDATE", self._tracking_code
                )
                self._holds.set()
                await asyncio.to_thread(self._release.wait)
        finally:
            await connection.close()

    def hold(self) -> None:
        """Return when the posting is held."""
        self._thread.start()
        if not self._holds.wait(10):
            raise Missed("the posting could not be held")

    def release(self) -> None:
        """End the transaction."""
        self._release.set()
        self._thread.join(10)


@contextmanager
def _posting_held(system: System, _chance: random.Random) -> Iterator[None]:
    """The held posting waits, or says 503; the others are accepted and decided as ever."""
    probe = Probe(system.urls)
    probe.register()
    held, other = probe.create_posting(), probe.create_posting()
    holder = _Holder(system.servers.postgres.url, held)
    holder.hold()
    try:
        update = {"status": "shipped", "description": "while it is held"}
        asked = probe.attempt("PATCH", f"/postings/{held}/status", update, key="held")
        # No answer is one of an API that the fault before has killed, and that is still starting.
        if asked.status not in (HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE, NO_ANSWER):
            raise Missed(f"an update of a held posting was answered with {asked.status}: {asked.body}")
        probe.wait_until_decided(probe.scan(other), within=_HELD_BACK_SECONDS)
        yield
        if asked.status == HTTPStatus.ACCEPTED and probe.is_decided(asked.body["id"]):
            raise Missed("an update of a posting that another transaction holds was decided")
    finally:
        holder.release()
    accepted = probe.insist("PATCH", f"/postings/{held}/status", update, key="held", within=RECOVERY_SECONDS)
    probe.wait_until_decided(accepted.body["id"], within=RECOVERY_SECONDS)


_POSTGRES: Final = frozenset({"postgres"})
_GONE: Final = Expectation(slowest=2.5)

FAULTS: Final = (
    Fault("postgres-killed", 5, "kill -9 of the postmaster", _killed, _POSTGRES, (0.5, 4.0), _GONE),
    Fault("postgres-restarted", 5, "a fast restart under load", _restarted, _POSTGRES, (0.0, 1.0), _GONE),
    Fault("postgres-backend-killed", 5, "kill -9 of one backend", _backend_killed, _POSTGRES, (1.0, 3.0), _GONE),
    Fault("postgres-frozen", 5, "SIGSTOP of all of PostgreSQL, then SIGCONT", _frozen, _POSTGRES, (2.0, 6.0), _GONE),
    Fault(
        "posting-held",
        6,
        "a long transaction holds one posting",
        _posting_held,
        # It looks itself whether the other postings are served as ever.
        frozenset({"postgres", "network", "api", "worker"}),
        (6.0, 8.0),
        Expectation(undisturbed=True),
    ),
)
