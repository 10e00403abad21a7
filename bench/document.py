"""Writes what was found into docs/performance.md, between its marks, so that the document never says anything else than the results."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bench.charts import write_charts
from bench.printing import cells, columns, words
from bench.result import Result

DOCUMENT: Final = "performance.md"
_MARKS: Final = re.compile(r"(<!-- bench:(\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_QUICK: Final = " **From one short round (`QUICK=1`): good for the order of magnitude.**"
_NOTHING: Final = "Not measured yet.\n"


def write_document(docs: Path, results: Path) -> None:
    """Renew charts and tables from the results that are kept."""
    found = read_results(results)
    charts = {result.section.name: write_charts(result.section, docs / "charts") for result in found}
    file = docs / DOCUMENT
    file.write_text(renewed(file.read_text(encoding="utf-8"), found, charts), encoding="utf-8")


def read_results(folder: Path) -> list[Result]:
    """All that is kept, in the order of their names."""
    return [Result.read(file) for file in sorted(folder.glob("*.json"))]


def renewed(text: str, results: Iterable[Result], charts: dict[str, list[tuple[str, str]]]) -> str:
    """The document with what stands between its marks made anew: `targets`, and each section by its name."""
    found = {result.section.name: result for result in results}

    def content(match: "re.Match[str]") -> str:
        name = match[2]
        if name == "targets":
            inner = _targets(found.values()) if found else _NOTHING
        else:
            inner = _section(found[name], charts.get(name, [])) if name in found else _NOTHING
        return f"{match[1]}{inner}{match[3]}"

    return _MARKS.sub(content, text)


def _targets(results: Iterable[Result]) -> str:
    rows = [words(verdict) for result in results for verdict in result.section.verdicts]
    return _table(["target", "found", "asked for", ""], rows)


def _section(result: Result, charts: list[tuple[str, str]]) -> str:
    section = result.section
    parts = [section.how + (_QUICK if result.quick else "") + "\n"]
    parts += [_table(columns(table), cells(table)) for table in section.tables]
    parts += [f"![{title}](charts/{file})\n" for title, file in charts]
    parts.append("*" + "; ".join(f"{name}: {value}" for name, value in result.facts.items()) + "*\n")
    return "\n".join(parts)


def _table(heads: list[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
