"""How fast a full queue is emptied: our workers, the limit statement, and the libraries that others use."""

from collections import defaultdict
from collections.abc import Awaitable, Callable  # noqa: TC003 - read by nobody else
from functools import partial
from typing import Final

from bench import limits
from bench.effort import Effort
from bench.ground import Ground
from bench.result import Row, Section, Table, Verdict
from bench.turns import Say, in_turns
from bench.workers import FASTSTREAM, SINGLE, Peer, our_workers, peer_workers

_LIMIT: Final = "limit: COPY and one statement"
_HOW: Final = (
    "A durable PostgreSQL and a queue that is full at the start; each contestant gets a fresh copy of the same database, "
    "and all leave the same rows: a step of the history, the posting's status, the update closed. Those that decide many at"
    " once empty {updates:,} updates, those that take one message at a time {single_updates:,}. A rate is what was decided "
    "after the first moment of deciding, over the time to the last; of several processes, from when the last has started. "
    "The CPU of an update is that of all deciding processes meanwhile, without PostgreSQL's. Everything shares all cores."
    " Our queue is filled as the API fills it, up to fifty postings a hint, the others' with a message each."
)


def ours(processes: int) -> str:
    """The label of that many of our workers."""
    return f"our worker, {processes} process{'es' if processes > 1 else ''}"


async def measure(ground: Ground, effort: Effort, say: Say, *, alone: bool) -> Section:
    """Let all of them empty the queue in turns; `alone` leaves the peers out."""
    cpu: dict[str, list[float]] = defaultdict(list)
    contestants: dict[str, Callable[[], Awaitable[float]]] = {_LIMIT: partial(_limit, ground, effort)}
    for processes in (1, 2, 4):
        contestants[ours(processes)] = partial(_ours, ground, effort, processes, cpu[ours(processes)])
    for peer in () if alone else (FASTSTREAM, *SINGLE):
        contestants[peer.label] = partial(_peer, ground, effort, peer, cpu[peer.label])
    rows = await in_turns(contestants, rounds=effort.rounds, say=say)
    peers = [] if alone else [FASTSTREAM.label]
    table = Table("Deciding updates", "updates/s", rows, [_LIMIT, *peers])
    costs = Table("CPU of the worker an update", "µs", [Row(label, found) for label, found in cpu.items()], peers)
    how = _HOW.format(updates=effort.updates, single_updates=effort.single_updates)
    return Section("deciding", "Deciding: the worker", how, [table, costs], _verdicts(table, alone=alone))


async def _limit(ground: Ground, effort: Effort) -> float:
    async with ground.filled(postings=effort.updates, updates=effort.updates) as place:
        return await limits.decide_everything(place.database_url)


async def _ours(ground: Ground, effort: Effort, processes: int, cpu: list[float]) -> float:
    async with ground.filled(postings=effort.updates, updates=effort.updates) as place:
        speed = await our_workers(ground, place, processes=processes)
    cpu.append(speed.cpu)
    return speed.rate


async def _peer(ground: Ground, effort: Effort, peer: Peer, cpu: list[float]) -> float:
    updates = effort.updates if peer.batches else effort.single_updates
    async with ground.filled(postings=effort.updates, updates=updates) as place:
        speed = await peer_workers(ground, place, peer)
    cpu.append(speed.cpu)
    return speed.rate


def _verdicts(table: Table, *, alone: bool) -> list[Verdict]:
    one, two = ours(1), ours(2)
    verdicts = [
        Verdict("one worker, against the limit statement", table.ratio(one, _LIMIT), "≥", 0.6, "×"),
        Verdict("two workers, against the limit statement", table.ratio(two, _LIMIT), "≥", 0.9, "×"),
    ]
    if not alone:
        fastest = max((peer.label for peer in SINGLE[:-1]), key=table.median)
        verdicts += [
            Verdict(f"one worker, against the fastest library ({fastest})", table.ratio(one, fastest), "≥", 15, "×"),
            Verdict("one worker, against FastStream in batch mode", table.ratio(one, FASTSTREAM.label), "≥", 1.3, "×"),
        ]
    return verdicts
