"""How fast what is owed is delivered: our webhook worker, and the libraries that others use, with a task for each delivery."""

from collections import defaultdict
from collections.abc import Awaitable, Callable  # noqa: TC003 - read by nobody else
from functools import partial
from typing import Final

from bench.effort import Effort
from bench.ground import Ground
from bench.owed import ENDPOINTS
from bench.result import Row, Section, Table, Verdict
from bench.senders import SENDING, our_sender, peer_sender
from bench.turns import Say, in_turns
from bench.workers import Peer

_OURS: Final = "our webhook worker, 1 process"
_TIMES_THE_FASTEST: Final = 2
_HOW: Final = (
    "What is owed at the start is that many postings were created, in turn to {endpoints} endpoints, each at an address of its "
    "own: {deliveries:,} deliveries for us, {single:,} for each of the others, for which a message each waits in the queue. All post "
    "over HTTP on loopback, without TLS, to the same process, which answers 204 at once, and leave the same rows: the delivery "
    "marked, its attempt in the log. A rate is what was marked after the first moment of marking, over the time to the last; the "
    "CPU of a delivery is that of all sending processes meanwhile. Everything shares all cores: sender, receivers, PostgreSQL "
    "(durable) and Valkey."
)


async def measure(ground: Ground, effort: Effort, say: Say, *, alone: bool) -> Section:
    """Let all of them deliver in turns; `alone` leaves the peers out."""
    cpu: dict[str, list[float]] = defaultdict(list)
    contestants: dict[str, Callable[[], Awaitable[float]]] = {_OURS: partial(_ours, ground, effort, cpu[_OURS])}
    for peer in () if alone else SENDING:
        contestants[peer.label] = partial(_peer, ground, effort, peer, cpu[peer.label])
    rows = await in_turns(contestants, rounds=effort.rounds, say=say)
    fastest = max((row for row in rows if row.label != _OURS), key=lambda row: row.median, default=None)
    bases = [fastest.label] if fastest else []
    table = Table("Delivering webhooks", "deliveries/s", rows, bases)
    costs = Table("CPU of the sender a delivery", "µs", [Row(label, found) for label, found in cpu.items()], bases)
    how = _HOW.format(endpoints=ENDPOINTS, deliveries=effort.deliveries, single=effort.single_updates)
    verdicts = [
        Verdict("one webhook worker", table.median(_OURS), "≥", 2_000, "deliveries/s"),
        Verdict("CPU of one webhook worker a delivery", costs.median(_OURS), "≤", 500, "µs"),
    ]
    if fastest:
        what = f"one webhook worker, against the fastest library ({fastest.label})"
        verdicts.append(Verdict(what, table.ratio(_OURS, fastest.label), "≥", _TIMES_THE_FASTEST, "×"))
    return Section("delivering", "Delivering: webhooks", how, [table, costs], verdicts)


async def _ours(ground: Ground, effort: Effort, cpu: list[float]) -> float:
    async with ground.filled(postings=effort.deliveries, updates=0) as place:
        speed = await our_sender(ground, place, deliveries=effort.deliveries)
    cpu.append(speed.cpu)
    return speed.rate


async def _peer(ground: Ground, effort: Effort, peer: Peer, cpu: list[float]) -> float:
    async with ground.filled(postings=effort.deliveries, updates=0) as place:
        speed = await peer_sender(ground, place, peer, deliveries=effort.single_updates)
    cpu.append(speed.cpu)
    return speed.rate
