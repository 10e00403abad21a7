"""Tells what came of a run: a table for people, and the exit code for machines."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Column, Table

from bench.result import percentile
from chaos.faults.fault import Fault
from chaos.gauges import growing, middle_and_end
from chaos.measures import Window, misses, seconds_of_202s, seconds_when_calm, windows
from chaos.run import Outcome, Plan

_MOST_SHOWN = 10
_JUMP = 1800


def report(plan: Plan, outcome: Outcome, faults: Mapping[str, Fault], console: Console) -> bool:
    """Print the tables; True when every promise was kept."""
    fallen = windows(outcome.entries, outcome.updates)
    console.print(_faults_table(fallen))
    console.print(_ledger_table(plan, outcome, fallen))
    wrong = [
        f"{kind}: {sentence}" for kind, found in outcome.verdict.findings.items() for sentence in found[:_MOST_SHOWN]
    ]
    wrong += outcome.missed + growing(outcome.samples)
    if plan.alone:
        calm = percentile(seconds_when_calm(outcome.entries), 0.99)
        wrong += [each for window in fallen for each in misses(window, faults[window.fault], calm_p99=calm)]
    if flat := middle_and_end(outcome.samples):
        console.print(_gauges_table(flat))
    for sentence in outcome.notes:
        console.print(sentence, highlight=False)
    for sentence in wrong:
        console.print(f"[red]{sentence}[/red]", highlight=False)
    return not wrong


def _faults_table(fallen: list[Window]) -> Table:
    table = Table(
        Column("fault", no_wrap=True),
        "times",
        "asked",
        "disturbed",
        "p99 of a 202*",
        "slowest answer",
        "p99 of a webhook",
        "longest recovery",
        "longest backlog",
        caption="* while the machine's host gave no time to others",
    )
    for name in sorted({window.fault for window in fallen}):
        same = [window for window in fallen if window.fault == name]
        answers = [seconds for window in same for seconds in window.answers]
        table.add_row(
            name,
            str(len(same)),
            str(sum(window.attempts for window in same)),
            str(sum(window.disturbed for window in same)),
            _milliseconds(percentile(answers, 0.99)),
            _milliseconds(max(window.slowest for window in same)),
            _milliseconds(percentile([seconds for window in same for seconds in window.deliveries], 0.99)),
            f"{max(window.recovery for window in same):.1f} s",
            f"{max(window.backlog for window in same):.1f} s",
        )
    return table


def _ledger_table(plan: Plan, outcome: Outcome, fallen: list[Window]) -> Table:
    table = Table("the ledger", f"seed {plan.seed}")
    verdict = outcome.verdict
    took = seconds_of_202s(outcome.entries)
    # Without those that the clock of PostgreSQL jumped over by an hour.
    waited = [
        update.seconds for update in outcome.updates if update.seconds is not None and 0 <= update.seconds < _JUMP
    ]
    rows = {
        "accepted": str(verdict.accepted),
        "postings created": str(verdict.created),
        "attempts to deliver a webhook": str(verdict.deliveries),
        "faults": str(len(fallen)),
        **{kind: str(len(found)) for kind, found in verdict.findings.items()},
        "p50 / p99 of a 202": f"{_milliseconds(percentile(took, 0.5))} / {_milliseconds(percentile(took, 0.99))}",
        "p50 / p99 / longest until decided": " / ".join(
            _milliseconds(percentile(waited, share)) for share in (0.5, 0.99, 1)
        ),
        "longest time to recover": f"{max((window.recovery for window in fallen), default=0):.1f} s",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _gauges_table(flat: Mapping[str, tuple[float, float]]) -> Table:
    table = Table("what must stay flat", "second quarter", "last quarter")
    for name, (middle, end) in flat.items():
        table.add_row(name, f"{middle:.0f}", f"{end:.0f}")
    return table


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds == seconds else "-"  # noqa: PLR0124 - NaN is not itself
