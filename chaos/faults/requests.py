"""Rows 9 and 11: the same request fifty times at once, and an update that cannot be decided."""

import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from chaos.caller import Answer
from chaos.faults.fault import Expectation, Fault
from chaos.probe import Probe
from chaos.system import Missed, System

_AT_ONCE: Final = 50
POISON: Final = "poison"
_DEAD_WITHIN: Final = 30.0


@contextmanager
def _duplicated(system: System, _chance: random.Random) -> Iterator[None]:
    probe = Probe(system.urls)
    probe.register()
    code, key = probe.create_posting(), uuid.uuid4().hex
    update = {"status": "shipped", "description": key}
    path = f"/postings/{code}/status"

    def ask(_number: int) -> Answer:
        return probe.insist("PATCH", path, update, key=key)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = list(threads.map(ask, range(_AT_ONCE)))
    if {answer.status for answer in answers} != {HTTPStatus.ACCEPTED}:
        raise Missed(f"{_AT_ONCE} equal requests were answered with {sorted({answer.status for answer in answers})}")
    if len({answer.body["id"] for answer in answers}) > 1:
        raise Missed("one key made more than one update")
    other = probe.insist("PATCH", path, {**update, "description": "another"}, key=key)
    if (other.status, other.code) != (HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency_key_reused"):
        raise Missed(f"another body with a used key was answered with {other.status} {other.code}")
    probe.wait_until_decided(answers[0].body["id"], within=5)
    steps = probe.insist("GET", f"/postings/{code}/history").body["steps"]
    if [step["description"] for step in steps] != [None, key]:
        raise Missed(f"fifty equal requests became these steps: {steps}")
    yield


@contextmanager
def _poisoned(system: System, _chance: random.Random) -> Iterator[None]:
    """PostgreSQL itself refuses the step of one update; the others, before and behind it, go on."""
    system.change_schema(
        f"ALTER TABLE status_history ADD CONSTRAINT poison CHECK (description IS DISTINCT FROM '{POISON}') NOT VALID"
    )
    probe = Probe(system.urls)
    probe.register()
    code = probe.create_posting()
    before, poison, behind = probe.scan(code), probe.scan(code, POISON), probe.scan(code)
    probe.wait_until_decided(before, within=_DEAD_WITHIN)
    probe.wait_until_decided(poison, within=_DEAD_WITHIN)
    probe.wait_until_decided(behind, within=_DEAD_WITHIN)
    ends = [probe.insist("GET", f"/status-updates/{each}").body for each in (before, poison, behind)]
    if [end["state"] for end in ends] != ["applied", "refused", "applied"]:
        raise Missed(f"around an update that cannot be decided they ended {[end['state'] for end in ends]}")
    if ends[1]["refusal"]["code"] != "internal_error":
        raise Missed(f"an update that cannot be decided ended {ends[1]['refusal']}")
    yield
    system.change_schema("ALTER TABLE status_history DROP CONSTRAINT poison")


# They ask themselves, and want an answer.
_WAY: Final = frozenset({"network", "postgres"})

FAULTS: Final = (
    Fault(
        "duplicates",
        9,
        "50 equal requests at once with one key, then another with it",
        _duplicated,
        frozenset({"requests", *_WAY}),
        (0.0, 0.0),
        Expectation(undisturbed=True),
    ),
    Fault(
        "poison",
        11,
        "an update that raises when it is decided",
        _poisoned,
        _WAY,
        (0.0, 0.5),
        Expectation(undisturbed=True),
    ),
)
