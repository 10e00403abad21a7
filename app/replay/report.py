"""The end of a replay: one table of what was sent and what became of it, and what was odd."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.replay.ledger import Ledger, percentile

SHOWN: Final = 5


def print_report(console: Console, ledger: Ledger, *, title: str, finished: bool = True) -> None:
    """Prints the table, then the first few odd answers; what a stopped replay had no time for is called unfinished."""
    console.print(table(ledger, title=title, finished=finished))
    _print_some(console, "unexpected", ledger.surprises)
    _print_some(console, "without a useful answer", ledger.silences)


def table(ledger: Ledger, *, title: str, finished: bool = True) -> Table:
    """One row a number; a refusal code has a row of its own."""
    rows = Table(title=title, title_justify="left", show_header=False)
    rows.add_column(no_wrap=True)
    rows.add_column(justify="right", no_wrap=True)
    for name, value in counts(ledger, finished=finished) + speeds(ledger):
        rows.add_row(escape(name), value)
    return rows


def counts(ledger: Ledger, *, finished: bool = True) -> list[tuple[str, str]]:
    """How many of what."""
    refused = [(f"refused: {code}", count) for code, count in sorted(ledger.refused.items())]
    open_end = "unaccounted for" if finished else "unfinished"
    numbers = [
        ("clients", ledger.clients),
        ("postings", len(ledger.tracking_codes)),
        ("updates", ledger.sent),
        ("sent a second time", ledger.sends - ledger.sent),
        ("requests repeated", ledger.repetitions),
        ("applied", ledger.applied),
        *(refused or [("refused", 0)]),
        (f"postings {open_end}", ledger.unaccounted_postings),
        (f"updates {open_end}", ledger.unaccounted_updates),
        ("unexpected answers", ledger.surprises.total()),
    ]
    return [(name, str(number)) for name, number in numbers]


def speeds(ledger: Ledger) -> list[tuple[str, str]]:
    """How fast; the answer is that to the PATCH, the decision runs from `accepted_at` to `decided_at`."""
    return [
        ("postings per second", _rate(len(ledger.tracking_codes), ledger.phase_seconds.get("postings"))),
        ("updates per second", _rate(len(ledger.answer_seconds), ledger.phase_seconds.get("updates"))),
        ("answer p50", _time(ledger.answer_seconds, 0.5)),
        ("answer p99", _time(ledger.answer_seconds, 0.99)),
        ("accepted to decided p50", _time(ledger.decision_seconds, 0.5)),
        ("accepted to decided p99", _time(ledger.decision_seconds, 0.99)),
    ]


def _rate(count: int, seconds: float | None) -> str:
    return f"{count / seconds:.0f}" if seconds else "-"


def _time(seconds: Sequence[float], share: float) -> str:
    value = percentile(seconds, share)
    if value is None:
        return "-"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def _print_some(console: Console, kind: str, messages: Counter[str]) -> None:
    for message, times in list(messages.items())[:SHOWN]:
        console.out(f"{kind}: {message}" + (f" ({times} times)" if times > 1 else ""), highlight=False)
    if len(messages) > SHOWN:
        console.out(f"{kind}: and {len(messages) - SHOWN} more", highlight=False)
