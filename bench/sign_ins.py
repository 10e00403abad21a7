"""What a flood of sign-ins costs everybody else: `make bench-sign-ins`.

A whole service on one machine with its load. Somebody asks for a posting at a steady rate; meanwhile 24 connections try one password after
another, with the limits of sign-ins off, so that each try is hashed. Quiet and flooded times take turns, and only their ratio counts.
"""

import asyncio
import statistics
import tempfile
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlencode

import typer
import uvloop
from rich.console import Console

from bench.ground import Ground, ground
from bench.load import Answered, Load, press
from bench.printing import show
from bench.result import Row, Section, Table, Verdict, percentile
from bench.service import account, whole_service

_NO_LIMITS: Final = {
    "FAILED_SIGN_INS_PER_ACCOUNT_AND_ADDRESS": "0",
    "FAILED_SIGN_INS_PER_ADDRESS": "0",
    "FAILED_SIGN_INS_PER_ACCOUNT": "0",
}
_POSTINGS: Final = 1_000
_RATE: Final = 100
_READERS: Final = 16
# Fewer than may wait for one thread: all of them are hashed, and none is answered 503 at once.
_GUESSERS: Final = 24
_QUIET, _FLOODED = "quiet", "under a flood of sign-ins"


def _guess() -> str:
    body = urlencode({"grant_type": "password", "username": "nobody@example.com", "password": "wrong horse"})
    lines = [
        "POST /api/v1/auth/token HTTP/1.1",
        "Host: bench",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", body])


async def measure(ground: Ground, *, rounds: int, seconds: float) -> Section:
    """Quiet and flooded, in turns."""
    took: dict[str, list[list[float]]] = {_QUIET: [], _FLOODED: []}
    guesses: list[float] = []
    async with ground.filled(postings=_POSTINGS, updates=0) as filled:
        place = replace(filled, settings=_NO_LIMITS)
        client = await account(place, codes=_POSTINGS)
        with whole_service(ground, place) as (port, _, _):
            steady = Load(port, client.reads("postings"), connections=_READERS, seconds=seconds, rate=_RATE)
            flood = Load(port, [_guess()], connections=_GUESSERS, seconds=seconds + 1)
            for _ in range(rounds):
                took[_QUIET].append(await _read(steady))
                flooding = asyncio.create_task(asyncio.to_thread(press, flood))
                took[_FLOODED].append(await _read(steady))
                answered: Answered = await flooding
                guesses.append(len(answered.seconds.get(HTTPStatus.UNAUTHORIZED, ())) / flood.seconds)
    return _section(took, guesses)


async def _read(steady: Load) -> list[float]:
    answered = await asyncio.to_thread(press, steady)
    return [1000 * each for each in answered.all_of(HTTPStatus.OK)]


def _section(took: dict[str, list[list[float]]], guesses: list[float]) -> Section:
    rows = [
        Row(f"{who}, {share}", [percentile(each, value) for each in rounds])
        for who, rounds in took.items()
        for share, value in {"p50": 0.5, "p99": 0.99}.items()
    ]
    ratio = statistics.median(
        percentile(flooded, 0.99) / percentile(quiet, 0.99)
        for quiet, flooded in zip(took[_QUIET], took[_FLOODED], strict=True)
    )
    return Section(
        "sign-ins",
        "A flood of sign-ins",
        f"{statistics.median(guesses):.0f} passwords a second were hashed meanwhile.",
        [Table(f"GET /postings/{{code}}, {_RATE} a second", "ms", rows)],
        [Verdict("p99 under a flood of sign-ins, against a quiet service", ratio, "≤", 2, "×")],
    )


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often quiet and flooded take turns.")] = 5,
    seconds: Annotated[float, typer.Option(min=1, help="How long each lasts.")] = 8,
) -> None:
    """Measure what a flood of sign-ins costs."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with ground(Path(folder)) as servers:
            section = uvloop.run(measure(servers, rounds=rounds, seconds=seconds))
    console = Console()
    console.print(section.how)
    show(console, section)


if __name__ == "__main__":
    typer.run(main)
