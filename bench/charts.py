"""Draws tables and histograms as small SVG files that are readable on a light and on a dark page.

By hand, since bars are all there is to draw: no plotting library follows the reader's colour scheme, and the smallest weighs 60 MB.
"""

from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from bench.printing import figure
from bench.result import Histogram, Section, Table

_WIDTH: Final = 760
_LABELS: Final = 340
_FIGURES: Final = 80
_BAR: Final = 18
_STEP: Final = 26
_TOP: Final = 40
_PLOT: Final = 120
_SPACE: Final = 40
_TICK_EVERY: Final = 4
_STYLE: Final = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 } .mute { fill: #57606a }
.ours { fill: #0969da } .other { fill: #8c959f } line { stroke: #8c959f }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .mute { fill: #9198a1 } .ours { fill: #4493f8 } .other { fill: #656c76 } line { stroke: #656c76 }
}
</style>"""


def write_charts(section: Section, folder: Path) -> list[tuple[str, str]]:
    """Draw what a section found; return each chart's title and file name."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [
        (table.title, _bars(table)) for table in section.tables if len(table.rows) > 1 and table.unit.endswith("/s")
    ]
    drawn += [(histogram.title, _steps(histogram)) for histogram in section.histograms]
    written = []
    for number, (title, svg) in enumerate(drawn, 1):
        file = folder / f"{section.name}-{number}.svg"
        file.write_text(svg, encoding="utf-8")
        written.append((title, file.name))
    return written


def _svg(title: str, height: int, parts: list[str]) -> str:
    words = escape(title)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" aria-label="{words}">',
            _STYLE,
            f'<text class="title" x="8" y="22">{words}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def _bars(table: Table) -> str:
    """A bar for each contestant, the longest first; ours stand out."""
    rows = sorted(table.rows, key=lambda row: -row.median)
    room, most = _WIDTH - _LABELS - _FIGURES, rows[0].median
    parts = []
    for number, row in enumerate(rows):
        y = _TOP + number * _STEP
        ours = "ours" if row.label.startswith(("our ", "Postagens")) else "other"
        parts += [
            f'<text x="{_LABELS - 8}" y="{y + 14}" text-anchor="end">{escape(row.label)}</text>',
            f'<rect class="{ours}" x="{_LABELS}" y="{y}" width="{max(1.0, room * row.median / most):.1f}" height="{_BAR}" rx="2"/>',
            f'<text class="mute" x="{_LABELS + room * row.median / most + 6:.1f}" y="{y + 14}">{figure(row.median)}</text>',
        ]
    return _svg(f"{table.title} ({table.unit})", _TOP + len(rows) * _STEP + 8, parts)


def _steps(histogram: Histogram) -> str:
    """A row of columns for each series, all on one scale of time."""
    columns = len(histogram.bounds) - 1
    wide = (_WIDTH - 40) / columns
    parts = []
    for number, (name, counts) in enumerate(histogram.counts.items()):
        base = _TOP + (number + 1) * (_PLOT + _SPACE) - _SPACE
        parts.append(
            f'<text class="mute" x="{_WIDTH - 20}" y="{base - _PLOT + 14}" text-anchor="end">{escape(name)}</text>'
        )
        for column, count in enumerate(counts):
            tall = (_PLOT - 20) * count / max(1, *counts)
            parts.append(
                f'<rect class="ours" x="{20 + column * wide:.1f}" y="{base - tall:.1f}" width="{wide - 2:.1f}" height="{tall:.1f}"/>'
            )
        parts.append(f'<line x1="20" y1="{base}" x2="{_WIDTH - 20}" y2="{base}"/>')
        for column in range(0, columns + 1, _TICK_EVERY):
            label = f"{figure(histogram.bounds[column])} {histogram.unit}"
            parts.append(f'<text class="mute" x="{20 + column * wide:.1f}" y="{base + 16}">{label}</text>')
    return _svg(f"{histogram.title} ({histogram.unit})", _TOP + len(histogram.counts) * (_PLOT + _SPACE) + 4, parts)
