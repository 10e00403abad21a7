"""What a measurement found, in shapes that are printed, drawn, kept as JSON and read back."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

Relation: TypeAlias = Literal["≥", "≤"]


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant's figures, a round each."""

    label: str
    rounds: list[float]

    @property
    def median(self) -> float:
        """What is compared."""
        return statistics.median(self.rounds)


@dataclass(frozen=True, slots=True)
class Table:
    """Contestants side by side; a column of ratios for each label in `compared_with`."""

    title: str
    unit: str
    rows: list[Row]
    compared_with: list[str] = field(default_factory=list)

    def median(self, label: str) -> float:
        """The median of the contestant called so."""
        return next(row.median for row in self.rows if row.label == label)

    def ratio(self, label: str, base: str) -> float:
        """How many times the base it is, round against the median."""
        return self.median(label) / self.median(base)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table of targets, and what it came to."""

    what: str
    value: float
    relation: Relation
    target: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Whether the target is reached; a value that is not a number never is."""
        return self.value >= self.target if self.relation == "≥" else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often what took how long: `counts` of each series, between one bound and the next."""

    title: str
    unit: str
    bounds: list[float]
    counts: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Section:
    """All that one section found; `how` tells in a sentence or two how it was measured."""

    name: str
    title: str
    how: str
    tables: list[Table]
    verdicts: list[Verdict]
    histograms: list[Histogram] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Result:
    """A section, on which machine it was measured, and how thoroughly."""

    facts: dict[str, str]
    quick: bool
    section: Section

    def write(self, file: Path) -> None:
        """Keep it as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Self:
        """What write() kept."""
        kept = json.loads(file.read_text(encoding="utf-8"))
        return cls(kept["facts"], kept["quick"], _section(kept["section"]))


def _section(kept: dict[str, Any]) -> Section:
    return Section(
        kept["name"],
        kept["title"],
        kept["how"],
        [Table(**{**table, "rows": [Row(**row) for row in table["rows"]]}) for table in kept["tables"]],
        [Verdict(**verdict) for verdict in kept["verdicts"]],
        [Histogram(**histogram) for histogram in kept["histograms"]],
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


BOUNDS_MS: Final = [0.5 * 2 ** (step / 2) for step in range(23)]
"""Half a millisecond to a second, two steps for each doubling."""


def histogram(title: str, series: Mapping[str, Sequence[float]]) -> Histogram:
    """Sort milliseconds into BOUNDS_MS; what is beyond either end counts at that end."""
    counts = {name: [0] * (len(BOUNDS_MS) - 1) for name in series}
    for name, values in series.items():
        for value in values:
            place = sum(bound <= value for bound in BOUNDS_MS) - 1
            counts[name][min(max(place, 0), len(BOUNDS_MS) - 2)] += 1
    return Histogram(title, "ms", BOUNDS_MS, counts)
