"""How fast what is owed is delivered: our webhook worker, and the libraries that others use, with a task for each delivery."""

from collections.abc import Awaitable, Callable  # noqa: TC003 - read by nobody else
from functools import partial
from typing import Final

from bench.effort import Effort
from bench.ground import Ground
from bench.owed import ENDPOINTS
from bench.result import Section, Table, Verdict
from bench.senders import SENDING, our_sender, peer_sender
from bench.turns import Say, in_turns
from bench.workers import Peer

_OURS: Final = "our webhook worker, 1 process"
_HOW: Final = (
    "What is owed at the start is that many postings were created, in turn to {endpoints} endpoints, each at an address of its "
    "own: {deliveries:,} deliveries for us, {single:,} for each of the others, for which a message each waits in the queue. All post "
    "over HTTP on loopback, without TLS, to the same process, which answers 204 at once, and leave the same rows: the delivery "
    "marked, its attempt in the log. A rate is what was marked after the first moment of marking, over the time to the last. "
    "Everything shares all cores: sender, receivers, PostgreSQL (durable) and Valkey."
)


async def measure(ground: Ground, effort: Effort, say: Say, *, alone: bool) -> Section:
    """Let all of them deliver in turns; `alone` leaves the peers out."""
    contestants: dict[str, Callable[[], Awaitable[float]]] = {_OURS: partial(_ours, ground, effort)}
    for peer in () if alone else SENDING:
        contestants[peer.label] = partial(_peer, ground, effort, peer)
    rows = await in_turns(contestants, rounds=effort.rounds, say=say)
    fastest = max((row for row in rows if row.label != _OURS), key=lambda row: row.median, default=None)
    table = Table("Delivering webhooks", "deliveries/s", rows, [fastest.label] if fastest else [])
    how = _HOW.format(endpoints=ENDPOINTS, deliveries=effort.deliveries, single=effort.single_updates)
    verdicts = [Verdict("webhooks delivered by one process", table.median(_OURS), "≥", 2_000, "deliveries/s")]
    if fastest:
        what = f"one webhook worker, against the fastest library ({fastest.label})"
        verdicts.append(Verdict(what, table.ratio(_OURS, fastest.label), "≥", 3, "×"))
    return Section("delivering", "Delivering: webhooks", how, [table], verdicts)


async def _ours(ground: Ground, effort: Effort) -> float:
    async with ground.filled(postings=effort.deliveries, updates=0) as place:
        return await our_sender(ground, place, deliveries=effort.deliveries)


async def _peer(ground: Ground, effort: Effort, peer: Peer) -> float:
    async with ground.filled(postings=effort.deliveries, updates=0) as place:
        return await peer_sender(ground, place, peer, deliveries=effort.single_updates)
