"""How many requests one API process answers on one core: the hot routes, the limits, and the ordinary way."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import Final

from app.models.postings import NewPosting
from bench import limits
from bench.effort import Effort
from bench.ground import Ground
from bench.load import Load, press, request
from bench.programs import first_core, other_cores
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
    "and sends each update by itself."
)


async def measure(ground: Ground, effort: Effort, say: Say) -> Section:
    """Press each route of each contestant in turns."""
    async with (
        ground.filled(postings=_POSTINGS, updates=0) as place,
        ground.filled(postings=_POSTINGS, updates=0) as filled,
        ground.filled(postings=0, updates=0) as empty,
    ):
        with ground.pinned(other_cores()), ExitStack() as stack:
            start = partial(serving, ground, place, cores=first_core())
            ports = {
                _OURS: stack.enter_context(start("app.main", "/health/ready"))[0],
                _ORDINARY: stack.enter_context(start("bench.rivals.ordinary", "/docs"))[0],
                _FASTAPI: stack.enter_context(start("bench.rivals.bare_fastapi", "/ok"))[0],
                _ASGI: stack.enter_context(start("bench.rivals.bare_asgi", "/"))[0],
            }
            contestants = _contestants(ports, await account(place), effort)
            contestants[_COPY] = partial(
                limits.copy_postings,
                filled.database_url,
                empty.database_url,
                seconds=effort.load_seconds,
                at_once=_AT_ONCE,
            )
            rows = await in_turns(contestants, rounds=effort.rounds, say=say)
    tables = _tables({row.label: row.rounds for row in rows})
    return Section("answering", "Answering: the API over HTTP", _HOW, tables, _verdicts(tables))


def _contestants(ports: dict[str, int], caller: Account, effort: Effort) -> dict[str, Callable[[], Awaitable[float]]]:
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
        f"{what}|{who}": partial(_press, ports[who], lines, status, effort, batched=what in {_MANY, _CREATE})
        for what, who, lines, status in requests
    }


async def _press(port: int, requests: list[str], status: int, effort: Effort, *, batched: bool) -> float:
    seconds = effort.load_seconds * (2 if batched else 1)
    answered = press(
        Load(
            port,
            requests,
            connections=_BATCHES_UNDER_WAY if batched else _CONNECTIONS,
            seconds=seconds,
            cores=sorted(other_cores()),
        )
    )
    return len(answered.all_of(status)) / seconds * (_AT_ONCE if batched else 1)


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
        Table(_MANY, "updates/s", rows(_MANY)),
        Table(_CREATE, "postings/s", [*rows(_CREATE), Row(_COPY, found[_COPY])], [_COPY]),
    ]


def _verdicts(tables: list[Table]) -> list[Verdict]:
    scan, track, _, many, create = tables
    return [
        Verdict(f"`{_SCAN}`, against a bare FastAPI route", scan.ratio(_OURS, _FASTAPI), "≥", 1.0, "×"),
        Verdict(f"`{_SCAN}`, against the ordinary way", scan.ratio(_OURS, _ORDINARY), "≥", 6, "×"),
        Verdict("`POST /status-updates` with 1 000 each", many.median(_OURS), "≥", 25_000, "updates/s"),
        Verdict(f"`{_TRACK}`, against a bare FastAPI route", track.ratio(_OURS, _FASTAPI), "≥", 1.2, "×"),
        Verdict("`POST /postings/batch`, against COPY", create.ratio(_OURS, _COPY), "≥", 0.4, "×"),
    ]
