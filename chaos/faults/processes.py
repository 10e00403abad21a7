"""Rows 1, 2, 10 and 18: the product's own processes die or freeze, at any time and at the worst one."""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chaos import failpoints
from chaos.faults.fault import Expectation, Fault, Injection
from chaos.system import System, until

_REACHED_WITHIN: Final = 10.0


def _killed(kind: str) -> Injection:
    @contextmanager
    def inject(system: System, chance: random.Random) -> Iterator[None]:
        chance.choice([program for program in system.programs if program.name.startswith(kind)]).kill()
        yield
        system.revive()

    return inject


def _struck_at(point: str, action: signal.Signals = signal.SIGKILL) -> Injection:
    """The next process that passes the point dies there, or freezes."""

    @contextmanager
    def inject(system: System, _chance: random.Random) -> Iterator[None]:
        failpoints.arm(system.failpoints, point, action)
        until(
            f"a process passes {point}",
            lambda: any(not each.alive or each.frozen for each in system.programs),
            seconds=_REACHED_WITHIN,
        )
        yield
        system.revive()

    return inject


@contextmanager
def _worker_frozen(system: System, chance: random.Random) -> Iterator[None]:
    chance.choice(system.workers).send(signal.SIGSTOP)
    yield
    system.revive()


_WORKER: Final = frozenset({"worker"})
_API: Final = frozenset({"api"})
_SENDER: Final = frozenset({"sender"})
# A process comes by such a point only while requests, what it writes, and hints get through.
_WAY_TO_IT: Final = frozenset({"network", "postgres", "redis"})
_SOON: Final = (0.5, 2.0)
# Whoever loses its API in mid-answer repeats; the others must not wait for long either.
_API_DIES: Final = Expectation(slowest=2.5)

FAULTS: Final = (
    Fault(
        "worker-killed",
        1,
        "kill -9 of a worker at any time",
        _killed("worker"),
        _WORKER,
        _SOON,
        Expectation(undisturbed=True),
    ),
    Fault(
        "worker-killed-before-begin",
        1,
        "kill -9 of a worker with hints in hand, before its transaction",
        _struck_at(failpoints.WORKER_BEFORE_BEGIN),
        _WORKER | _WAY_TO_IT,
        _SOON,
        Expectation(undisturbed=True),
    ),
    Fault(
        "worker-killed-mid-batch",
        1,
        "kill -9 of a worker with everything written and nothing committed",
        _struck_at(failpoints.WORKER_MID_BATCH),
        _WORKER | _WAY_TO_IT,
        _SOON,
        Expectation(undisturbed=True),
    ),
    Fault(
        "worker-killed-after-commit",
        1,
        "kill -9 of a worker between COMMIT and XACK",
        _struck_at(failpoints.WORKER_AFTER_COMMIT),
        _WORKER | _WAY_TO_IT,
        _SOON,
        Expectation(undisturbed=True),
    ),
    Fault("api-killed", 2, "kill -9 of an API at any time", _killed("api"), _API, _SOON, _API_DIES),
    Fault(
        "api-killed-before-hint",
        2,
        "kill -9 of an API between COMMIT and the hint",
        _struck_at(failpoints.API_AFTER_COMMIT),
        _API | _WAY_TO_IT,
        _SOON,
        _API_DIES,
    ),
    Fault(
        "api-killed-before-202",
        2,
        "kill -9 of an API between COMMIT and the 202",
        _struck_at(failpoints.API_BEFORE_202),
        _API | _WAY_TO_IT,
        _SOON,
        _API_DIES,
    ),
    Fault(
        "worker-frozen",
        10,
        "SIGSTOP of a worker at any time, then SIGCONT",
        _worker_frozen,
        _WORKER,
        (3.0, 30.0),
        Expectation(undisturbed=True),
    ),
    Fault(
        "sender-killed",
        18,
        "kill -9 of a sender of webhooks at any time",
        _killed("sender"),
        _SENDER,
        _SOON,
        Expectation(undisturbed=True),
    ),
    Fault(
        "sender-killed-before-mark",
        18,
        "kill -9 of a sender of webhooks between sending and marking",
        _struck_at(failpoints.SENDER_BEFORE_MARK),
        _SENDER | _WAY_TO_IT,
        _SOON,
        Expectation(undisturbed=True),
    ),
    Fault(
        "worker-frozen-mid-batch",
        10,
        "SIGSTOP of a worker with everything written and nothing committed, then SIGCONT",
        _struck_at(failpoints.WORKER_MID_BATCH, signal.SIGSTOP),
        _WORKER | _WAY_TO_IT,
        (3.0, 30.0),
        Expectation(undisturbed=True),
    ),
)
