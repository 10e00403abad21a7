"""How long an update waits, at half of what the whole service can take: for its 202, and from there until it is decided."""

from typing import Final

import asyncpg

from bench.effort import Effort
from bench.ground import Ground, until_nothing_waits
from bench.load import Load, press
from bench.programs import NotMeasured
from bench.result import Row, Section, Table, Verdict, histogram, percentile
from bench.service import account, whole_service
from bench.turns import Say

_POSTINGS: Final = 20_000
_CONNECTIONS: Final = 64
_ACCEPT, _DECIDE = "request sent → 202", "accepted → decided"
_HOW: Final = (
    "API, worker, PostgreSQL, Valkey and the load share all cores. The maximum is what 64 connections get when each asks "
    "again at once; then requests come at half that rate, whatever is answered. The time to the 202 is the caller's; the "
    "time from there is between two stamps of the database's clock, `accepted_at` and `decided_at`."
)
_WAITED: Final = "SELECT extract(epoch FROM decided_at - accepted_at)::float8 * 1000 AS ms FROM status_updates WHERE accepted_at >= $1"


async def measure(ground: Ground, effort: Effort, say: Say) -> Section:
    """Find the maximum, then press with half of it."""
    async with ground.filled(postings=_POSTINGS, updates=0) as place:
        caller = await account(place)
        with whole_service(ground, place) as (port, _, _):
            fast = Load(port, caller.scans(), connections=_CONNECTIONS, seconds=effort.load_seconds)
            most = len(press(fast).all_of(202)) / fast.seconds
            say(f"at most {most:,.0f} requests/s")
            if not await until_nothing_waits(place.database_url, seconds=60):
                raise NotMeasured("the worker did not catch up")
            connection = await asyncpg.connect(place.database_url)
            since = await connection.fetchval("SELECT clock_timestamp()")
            answered = press(
                Load(port, caller.scans(), connections=_CONNECTIONS, seconds=effort.latency_seconds, rate=most / 2)
            )
            accepted = [1000 * took for took in answered.all_of(202)]
            await until_nothing_waits(place.database_url, seconds=60)
            decided = [row["ms"] for row in await connection.fetch(_WAITED, since)]
            await connection.close()
    series = {_ACCEPT: accepted, _DECIDE: decided}
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
    rows = [
        Row(f"{name}, {share}", [percentile(took, value)])
        for name, took in series.items()
        for share, value in shares.items()
    ]
    rates = [Row("maximum", [most]), Row("half of it, answered", [len(accepted) / effort.latency_seconds])]
    say(f"{answered.unsent} requests found no free connection")
    return Section(
        "latency",
        "Waiting: from request to fact",
        _HOW,
        [Table("The whole service", "requests/s", rates), Table("At half the maximum", "ms", rows)],
        [
            Verdict("accept → decided at half the maximum, p50", percentile(decided, 0.5), "≤", 15, "ms"),
            Verdict("accept → decided at half the maximum, p99", percentile(decided, 0.99), "≤", 80, "ms"),
        ],
        [histogram("At half the maximum", series)],
    )
