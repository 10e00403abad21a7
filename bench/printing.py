"""Shows a section on a terminal."""

from rich.console import Console
from rich.table import Table as RichTable

from bench.result import Section, Table, Verdict


def figure(value: float) -> str:
    """A figure with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004


def words(verdict: Verdict) -> tuple[str, str, str, str]:
    """A verdict's cells: what, found, asked for, met or not."""
    unit = f" {verdict.unit}"
    return (
        verdict.what,
        figure(verdict.value) + unit,
        f"{verdict.relation} {figure(verdict.target)}{unit}",
        "met" if verdict.is_met else "**not met**",
    )


def columns(table: Table) -> list[str]:
    """The heads of a table's columns."""
    return [table.title, table.unit, "rounds", *(f"× {base}" for base in table.compared_with)]


def cells(table: Table) -> list[list[str]]:
    """The rows of a table."""
    return [
        [
            row.label,
            figure(row.median),
            " · ".join(map(figure, row.rounds)),
            *(figure(table.ratio(row.label, base)) for base in table.compared_with),
        ]
        for row in table.rows
    ]


def show(console: Console, section: Section) -> None:
    """Print tables and verdicts."""
    for table in section.tables:
        shown = RichTable(*columns(table))
        for row in cells(table):
            shown.add_row(*row)
        console.print(shown)
    if section.verdicts:
        shown = RichTable("target", "found", "asked for", "")
        for verdict in section.verdicts:
            shown.add_row(*words(verdict)[:3], "[green]met" if verdict.is_met else "[bold red]not met")
        console.print(shown)
