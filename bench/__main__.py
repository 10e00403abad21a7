"""`make bench`: measures section after section, prints what it finds, and keeps it: results as JSON, charts, and the document's tables."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bench.document import write_document
from bench.effort import FULL, QUICK, Effort
from bench.facts import machine_facts
from bench.ground import Ground, ground
from bench.printing import show
from bench.programs import ROOT
from bench.result import Result, Section
from bench.sections import answering, deciding, delivering, footprint, latency
from bench.turns import Say

Measure = Callable[[Ground, Effort, Say], Awaitable[Section]]


class Name(StrEnum):
    """The sections, in the order of a run."""

    DECIDING = "deciding"
    ANSWERING = "answering"
    LATENCY = "latency"
    DELIVERING = "delivering"
    FOOTPRINT = "footprint"


_RESULTS: Final = ROOT / "bench" / "results"


def _sections(*, alone: bool) -> dict[Name, Measure]:
    return {
        Name.DECIDING: partial(deciding.measure, alone=alone),
        Name.ANSWERING: answering.measure,
        Name.LATENCY: latency.measure,
        Name.DELIVERING: partial(delivering.measure, alone=alone),
        Name.FOOTPRINT: footprint.measure,
    }


async def _run(folder: Path, names: list[Name], *, quick: bool, alone: bool) -> None:
    console = Console(width=140 if not Console().is_terminal else None)
    with ground(folder) as place:
        facts = await machine_facts(database_url=place.postgres.url, redis_url=place.valkey.url)
        for name in names:
            section = await _sections(alone=alone)[name](
                place, QUICK if quick else FULL, lambda text: console.print(f"  {text}")
            )
            show(console, section)
            kept = _RESULTS / "quick" if quick or alone else _RESULTS
            Result(facts, quick, section).write(kept / f"{name}.json")
    if not (quick or alone):
        write_document(ROOT / "docs", _RESULTS)


def main(
    section: Annotated[list[Name] | None, typer.Option(help="Only these; all when not given.")] = None,
    quick: Annotated[bool, typer.Option(help="One short round: tells that all works, not how fast it is.")] = False,
    alone: Annotated[bool, typer.Option(help="Without the peers.")] = False,
) -> None:
    """Measure the product against its limits and its peers."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(Path(folder), section or list(Name), quick=quick, alone=alone))


if __name__ == "__main__":
    typer.run(main)
