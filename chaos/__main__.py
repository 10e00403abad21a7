"""`make chaos`: the command line of the chaos runs."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chaos.controls import CONTROLS
from chaos.faults.catalogue import FAULTS, SOAK, mix, soak
from chaos.report import report
from chaos.run import Plan, run

_COLUMNS_OF_A_FILE = 120
_CONTROLS = ("retry-without-key", *CONTROLS)


def main(
    *,
    seed: Annotated[int, typer.Option(help="Decides which fault falls when, and what the clients ask.")] = 1,
    duration: Annotated[float, typer.Option(min=1, help="How long faults fall, in seconds.")] = 60,
    fault: Annotated[str, typer.Option(help="One fault alone, again and again; `list` names them all.")] = "",
    control: Annotated[str, typer.Option(help=f"Take a safeguard out: {', '.join(_CONTROLS)}.")] = "",
    keep: Annotated[Path | None, typer.Option(help="Keep data, logs and ledgers in this new folder.")] = None,
) -> None:
    """Break a running system at random, and prove that every promise was kept. Exit code 1 where one was not."""
    console = Console(width=None if sys.stdout.isatty() else _COLUMNS_OF_A_FILE)
    if fault == "list":
        for each in sorted(FAULTS.values(), key=lambda one: one.row):
            console.print(f"{each.row:>2}  {each.name:<32} {each.what}", highlight=False)
        console.print(
            f"19  {SOAK:<32} rows 1, 3 and 5 for a long time: memory, files, stream and tables stay flat",
            highlight=False,
        )
        return
    if fault and fault not in (SOAK, *FAULTS):
        sys.exit(f"There is no fault {fault!r}: FAULT=list names them all.")
    if control and control not in _CONTROLS:
        sys.exit(f"There is no control {control!r}: it is one of {', '.join(_CONTROLS)}.")
    plan = Plan(
        seed=seed,
        duration=duration,
        faults=soak() if fault == SOAK else [FAULTS[fault]] if fault else mix(),
        alone=fault in FAULTS,
        longest=30 if fault in FAULTS else 8,
        pause_seconds=FAULTS[fault].pause_seconds if fault in FAULTS else 0.1,
        control=control if control in CONTROLS else None,
        without_key=control == "retry-without-key",
    )
    with tempfile.TemporaryDirectory(prefix="postagens-chaos-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        outcome = run(plan, folder, lambda sentence: console.print(sentence, highlight=False))
    sys.exit(0 if report(plan, outcome, FAULTS, console) else 1)


if __name__ == "__main__":
    typer.run(main)
