"""Rows 7 and 8: links between the processes swallow, reset, delay and cut; every pair of processes in turn."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chaos.faults.fault import Expectation, Fault, Injection
from chaos.network import Behaviour, Blackhole, CutReply, Latency, Reset
from chaos.system import System

# The kinds of links, as (who, whom); `*` stands for every process of that kind.
_KINDS: Final = (
    ("clients", "api"),
    ("api", "postgres"),
    ("api", "redis"),
    ("worker", "postgres"),
    ("worker", "redis"),
    ("sender", "postgres"),
)


def _links(system: System, who: str, whom: str) -> list[str]:
    return [name for name in system.network.links if name.startswith(who) and name.partition(">")[2].startswith(whom)]


def _behaving(who: str, whom: str, behaviour: Behaviour, *, everywhere: bool) -> Injection:
    """One link of the kind behaves so, or all of them."""

    @contextmanager
    def inject(system: System, chance: random.Random) -> Iterator[None]:
        links = _links(system, who, whom)
        for link in links if everywhere else [chance.choice(links)]:
            system.network.behave(link, behaviour)
        yield
        system.network.heal()

    return inject


@contextmanager
def _slow_everywhere(system: System, _chance: random.Random) -> Iterator[None]:
    for link in system.network.links:
        system.network.behave(link, Latency(0.1, 0.05))
    yield
    system.network.heal()


# An accept commits by itself: of its statement, which is prepared, the bound for its locks can be told (the text 200, of three bytes).
_ACCEPT: Final = b"\x00\x00\x00\x03200"
_NETWORK: Final = frozenset({"network"})
_LASTS: Final = (1.0, 6.0)
_EXPECTED: Final = {
    # A caller whose own link is cut sees that; what lies behind the API must not cost it more than two seconds.
    ("clients", "api"): Expectation(),
    ("api", "postgres"): Expectation(slowest=2.5),
    ("api", "redis"): Expectation(undisturbed=True, p99=0.05),
    ("worker", "postgres"): Expectation(undisturbed=True),
    ("worker", "redis"): Expectation(undisturbed=True),
    ("sender", "postgres"): Expectation(undisturbed=True),
}


def _fault(who: str, whom: str, action: str, what: str, behaviour: Behaviour) -> Fault:
    return Fault(
        f"{who}-{whom}-{action}",
        7,
        f"{what} between {who} and {whom}",
        _behaving(who, whom, behaviour, everywhere=action != "reply-cut"),
        _NETWORK,
        _LASTS,
        _EXPECTED[who, whom],
    )


FAULTS: Final = (
    *(_fault(*kind, "reset", "every connection is reset", Reset()) for kind in _KINDS),
    *(_fault(*kind, "blackhole", "nothing comes through and nobody is told", Blackhole()) for kind in _KINDS),
    _fault("clients", "api", "reply-cut", "an update is accepted and its 202 is lost", CutReply(b"PATCH ")),
    _fault("api", "postgres", "reply-cut", "the reply to an accept, which commits, is lost", CutReply(_ACCEPT)),
    _fault("worker", "postgres", "reply-cut", "the reply to COMMIT is lost", CutReply(b"COMMIT")),
    _fault("sender", "postgres", "reply-cut", "the reply to COMMIT is lost", CutReply(b"COMMIT")),
    _fault("api", "redis", "reply-cut", "the reply to XADD is lost", CutReply(b"XADD")),
    _fault("worker", "redis", "reply-cut", "the reply to XACK is lost", CutReply(b"XACK")),
    Fault(
        "latency",
        8,
        "200 ms, more or less, for each round trip on every link",
        _slow_everywhere,
        _NETWORK,
        (3.0, 8.0),
        Expectation(undisturbed=True),
    ),
)
