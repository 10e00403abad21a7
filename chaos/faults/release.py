"""Rows 15 and 16: a new release comes, by a rolling restart and with a migration, and no caller may notice."""

import http.client
import itertools
import json
import random
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from app.db.migrate import Migration
from app.embedded.programs import is_ready
from chaos.faults.fault import Expectation, Fault
from chaos.probe import POSTING, Probe
from chaos.system import Missed, Program, System

_RESTARTS: Final = 20
_CALLERS: Final = 8
_POSTINGS_EACH: Final = 50
_LOOK_AGAIN: Final = 0.05
_FRONT: Final = "balancer>api"


class _Balancer:
    """A load balancer as plain as can be: leads new connections to an API that says it is ready, and touches no other."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._ports = [int(api.environment["PORT"]) for api in system.apis]
        self.port: Final = system.network.connect(_FRONT, self._ports[0])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_AGAIN):
            if ready := [port for port in self._ports if is_ready("127.0.0.1", port)]:
                self._system.network.lead(_FRONT, random.choice(ready))

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join()


class _Caller:
    """Asks for scans of its postings in turn, on a connection that is kept, and never repeats one: whatever is not a 202 has failed."""

    def __init__(self, port: int, headers: dict[str, str], codes: Sequence[str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._headers = headers
        self._paths = itertools.cycle([f"/api/v1/postings/{code}/status" for code in codes])
        self.asked = 0
        self.failed: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()

    def _call(self) -> None:
        while not self._ended.wait(0.01):
            self.asked += 1
            body = json.dumps({"status": "shipped", "description": uuid.uuid4().hex})
            try:
                self._connection.request("PATCH", next(self._paths), body, self._headers)
                response = self._connection.getresponse()
                response.read()
                if response.status != HTTPStatus.ACCEPTED:
                    self.failed.append(str(response.status))
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                self._connection.close()

    def end(self) -> None:
        """Stop asking."""
        self._ended.set()
        self._thread.join()
        self._connection.close()


def _restart(system: System, api: Program) -> None:
    code = api.stop()
    if code != 0:
        raise Missed(f"{api.name} ended with exit code {code} after SIGTERM")
    api.start()
    system.wait_until_ready(api)


@contextmanager
def _rolling_restart(system: System, _chance: random.Random) -> Iterator[None]:
    probe = Probe(system.urls)
    probe.register()
    balancer = _Balancer(system)
    created = probe.insist("POST", "/postings/batch", {"postings": [POSTING] * _CALLERS * _POSTINGS_EACH})
    codes = [each["tracking_code"] for each in created.body["postings"]]
    callers = [_Caller(balancer.port, probe.headers, codes[number::_CALLERS]) for number in range(_CALLERS)]
    try:
        for number in range(_RESTARTS):
            _restart(system, system.apis[number % len(system.apis)])
        yield
    finally:
        for caller in callers:
            caller.end()
        balancer.end()
    asked = sum(caller.asked for caller in callers)
    failed = [failure for caller in callers for failure in caller.failed]
    system.notes.append(f"{_RESTARTS} restarts: {asked} requests, {len(failed)} failed")
    if failed:
        raise Missed(f"{len(failed)} of {asked} requests failed during {_RESTARTS} restarts: {sorted(set(failed))}")


# What a release after this one may do to the schema while this one runs: add, and validate what was added before. A migration changes one
# table that is in use: whoever holds one and waits for another is waited for by those who have the other.
_NEXT_RELEASE: Final = (
    "ALTER TABLE postings ADD COLUMN insured boolean NOT NULL DEFAULT false",
    "ALTER TABLE status_updates ADD COLUMN note text, ADD CONSTRAINT note_length CHECK (length(note) < 100) NOT VALID",
    "ALTER TABLE status_history ADD COLUMN note text",
    "ALTER TABLE status_updates VALIDATE CONSTRAINT note_length; CREATE TABLE insurances (posting_id bigint PRIMARY KEY)",
)
_FIRST_VERSION: Final = 99_999_999_999_990
_INDEX: Final = "CREATE INDEX CONCURRENTLY IF NOT EXISTS next_release ON postings (service)"
_BACK: Final = (
    "DELETE FROM schema_migrations WHERE version LIKE '9999999999999_'",
    "DROP INDEX next_release",
    "DROP TABLE insurances",
    "ALTER TABLE postings DROP COLUMN insured",
    "ALTER TABLE status_updates DROP COLUMN note",
    "ALTER TABLE status_history DROP COLUMN note",
)


@contextmanager
def _migrated(system: System, chance: random.Random) -> Iterator[None]:
    """The next release migrates while this one serves; this one also starts anew on the newer schema."""
    for version, sql in enumerate(_NEXT_RELEASE, _FIRST_VERSION):
        system.migrate(Migration(version=str(version), name=f"{version}_next.sql", up=sql, checksum="-"))
    system.change_schema(_INDEX)
    worker = chance.choice(system.workers)
    worker.stop()
    worker.start()
    yield
    for statement in _BACK:
        system.change_schema(statement)


FAULTS: Final = (
    Fault(
        "rolling-restart",
        15,
        f"{_RESTARTS} restarts of two APIs by SIGTERM behind a balancer: no request may fail",
        _rolling_restart,
        frozenset({"api"}),
        (0.0, 0.5),
        in_mix=False,
    ),
    Fault(
        "migration",
        16,
        "the next release's migration under load, and this release beside it",
        _migrated,
        frozenset({"postgres", "worker"}),
        (1.0, 3.0),
        Expectation(undisturbed=True),
    ),
)
