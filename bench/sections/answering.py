"""How many requests one API process answers on one core: the hot routes, the limits, and the ordinary way."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import Final

from app.embedded.process import Process
from app.models.postings import NewPosting
from bench import limits
from bench.effort import Effort
from bench.ground import Ground, Place
from bench.load import Load, press, request
from bench.programs import cpu_seconds, first_core, other_cores
from bench.result import Row, Section, Table, Verdict
from bench.service import Account, account, serving
from bench.turns import Say, in_turns

_POSTINGS: Final = 20_000
_CONNECTIONS: Final = 64
_AT_ONCE: Final = 1_000
_BATCHES_UNDER_WAY: Final = 4
_OURS, _ORDINARY, _FASTAPI, _ASGI, _COPY = (
    "Postagens",
    "the ordinary way",
    "bare FastAPI route",
    "bare ASGI function",
    "COPY",
)
_SCAN, _TRACK, _READ = "PATCH /postings/{code}/status", "GET /tracking/{code}", "GET /postings/{code}"
_MANY, _CREATE = "POST /status-updates, 1 000 each", "POST /postings/batch, 1 000 each"
_HOW: Final = (
    "One process alone on one core; PostgreSQL (durable), Valkey and the load on the others. 64 kept connections, each "
    "asking again as soon as it is answered (4 for the requests of 1 000). No worker runs: these are the costs of accepting"
    " and reading. The bare ones answer the same request without looking at it; the ordinary way verifies, checks, commits "
    "and sends each update by itself. Beside updates by the thousand stand a bare route's requests, since a rate alone "
    "says as much of the machine."
)
# The rate that is asked for, and what a bare FastAPI route gave on the machine that it was set on.
_MANY_ASKED: Final = 25_000
_BARE_ROUTE_THERE: Final = 14_600


async def measure(ground: Ground, effort: Effort, say: Say) -> Section:
    """Press each route of each contestant in turns."""
    async with (
        ground.filled(postings=_POSTINGS, updates=0) as place,
        ground.filled(postings=_POSTINGS, updates=0) as filled,
    ):
        cpu: dict[str, list[float]] = defaultdict(list)
        with ground.pinned(other_cores()), ExitStack() as stack:
            start = partial(serving, ground, place, cores=first_core())
            servers = {
                _OURS: stack.enter_context(start("app.main", "/health/ready")),
                _ORDINARY: stack.enter_context(start("bench.rivals.ordinary", "/docs")),
                _FASTAPI: stack.enter_context(start("bench.rivals.bare_fastapi", "/ok")),
                _ASGI: stack.enter_context(start("bench.rivals.bare_asgi", "/")),
            }
            contestants = _contestants(servers, await account(place), effort, cpu)
            contestants[_COPY] = partial(_copy, ground, filled, effort)
            rows = await in_turns(contestants, rounds=effort.rounds, say=say)
    tables = _tables({row.label: row.rounds for row in rows})
    return Section("answering", "Answering: the API over HTTP", _HOW, [*tables, _costs(cpu)], _verdicts(tables))


async def _copy(ground: Ground, filled: Place, effort: Effort) -> float:
    """Into a new database each time: nothing can be taken out of a history."""
    async with ground.filled(postings=0, updates=0) as empty:
        return await limits.copy_postings(
            filled.database_url, empty.database_url, seconds=effort.load_seconds, at_once=_AT_ONCE
        )


def _contestants(
    servers: dict[str, tuple[int, Process]], caller: Account, effort: Effort, cpu: dict[str, list[float]]
) -> dict[str, Callable[[], Awaitable[float]]]:
    posting = {**NewPosting.example, "reference": None}
    scan = {"status": "shipped", "description": "scan 00000000000000000000"}
    codes = caller.tracking_codes[:_AT_ONCE]
    many = {"updates": [{"tracking_code": code, "status": "shipped", "description": "scan"} for code in codes]}
    requests: list[tuple[str, str, list[str], int]] = [
        (_SCAN, _OURS, caller.scans(), 202),
        (_SCAN, _ORDINARY, caller.scans(""), 202),
        (_SCAN, _FASTAPI, [request("PATCH", "/ok", scan, token=caller.token)], 200),
        (_SCAN, _ASGI, [request("PATCH", "/ok", scan, token=caller.token)], 200),
        (_TRACK, _OURS, caller.reads("tracking"), 200),
        (_TRACK, _ORDINARY, caller.reads("tracking", ""), 200),
        (_TRACK, _FASTAPI, [request("GET", "/ok")], 200),
        (_READ, _OURS, caller.reads("postings"), 200),
        (_READ, _ORDINARY, caller.reads("postings", ""), 200),
        (_MANY, _OURS, [request("POST", "/api/v1/status-updates", many, token=caller.token)], 202),
        (
            _CREATE,
            _OURS,
            [request("POST", "/api/v1/postings/batch", {"postings": [posting] * _AT_ONCE}, token=caller.token)],
            201,
        ),
    ]
    return {
        f"{what}|{who}": partial(_press, servers[who], lines, status, effort, cpu=cpu[f"{what}|{who}"], each=each)
        for what, who, lines, status in requests
        for each in [_AT_ONCE if what in {_MANY, _CREATE} else 1]
    }


async def _press(
    server: tuple[int, Process], requests: list[str], status: int, effort: Effort, *, cpu: list[float], each: int
) -> float:
    """How many a second, of which a request has `each`; what one costs the process, in microseconds, goes to `cpu`."""
    port, process = server
    batched = each > 1
    seconds = effort.load_seconds * (2 if batched else 1)
    before = cpu_seconds(process.pid)
    answered = press(
        Load(
            port,
            requests,
            connections=_BATCHES_UNDER_WAY if batched else _CONNECTIONS,
            seconds=seconds,
            warm_seconds=0,
            cores=sorted(other_cores()),
        )
    )
    count = len(answered.all_of(status)) * each
    cpu.append(1_000_000 * (cpu_seconds(process.pid) - before) / max(1, count))
    return count / seconds


def _tables(found: dict[str, list[float]]) -> list[Table]:
    def rows(what: str, *others: str) -> list[Row]:
        mine = [Row(label.partition("|")[2], rounds) for label, rounds in found.items() if label.startswith(f"{what}|")]
        present = {row.label for row in mine}
        borrowed = [Row(who, found[f"{source}|{who}"]) for who, source in zip(others[::2], others[1::2], strict=True)]
        return mine + [row for row in borrowed if row.label not in present]

    return [
        Table(_SCAN, "requests/s", rows(_SCAN), [_FASTAPI, _ORDINARY]),
        Table(_TRACK, "requests/s", rows(_TRACK), [_FASTAPI, _ORDINARY]),
        Table(_READ, "requests/s", rows(_READ, _FASTAPI, _TRACK), [_FASTAPI, _ORDINARY]),
        Table(_MANY, "updates/s", rows(_MANY, _FASTAPI, _TRACK), [_FASTAPI]),
        Table(_CREATE, "postings/s", [*rows(_CREATE), Row(_COPY, found[_COPY])], [_COPY]),
    ]


def _costs(cpu: dict[str, list[float]]) -> Table:
    """What each of them costs the process: unlike the rate it does not depend on what else the other core has to do."""
    rows = [Row(_FASTAPI, cpu[f"{_TRACK}|{_FASTAPI}"])]
    for label, rounds in cpu.items():
        what, who = label.split("|")
        if who in {_OURS, _ORDINARY}:
            rows.append(Row(f"{what}: {who}", rounds))
    return Table("CPU of the API process", "µs a request, update or posting", rows, [_FASTAPI])


def _verdicts(tables: list[Table]) -> list[Verdict]:
    scan, track, _, many, create = tables
    return [
        Verdict(f"`{_SCAN}`, against a bare FastAPI route", scan.ratio(_OURS, _FASTAPI), "≥", 1.0, "×"),
        Verdict(f"`{_SCAN}`, against the ordinary way", scan.ratio(_OURS, _ORDINARY), "≥", 6, "×"),
        Verdict("`POST /status-updates` with 1 000 each", many.median(_OURS), "≥", _MANY_ASKED, "updates/s"),
        Verdict(
            "`POST /status-updates` with 1 000 each, against requests of a bare FastAPI route",
            *(many.ratio(_OURS, _FASTAPI), "≥", round(_MANY_ASKED / _BARE_ROUTE_THERE, 2), "×"),
        ),
        Verdict(f"`{_TRACK}`, against a bare FastAPI route", track.ratio(_OURS, _FASTAPI), "≥", 1.2, "×"),
        Verdict("`POST /postings/batch`, against COPY", create.ratio(_OURS, _COPY), "≥", 0.4, "×"),
    ]
