"""What a label is made of, wherever it is drawn. Lengths in mm, from the left and from the top."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

from reportlab.graphics.barcode.code128 import Code128

DOTS_PER_MM: Final = 8
"""Of label printers with 203 dpi."""

# What is said of the print of UPU S10 identifiers, and ISO/IEC 15417: modules of 0.25 to 0.51 mm, 0.33 mm or more
# recommended; bars of at least 9 mm and 15 % of the symbol's width, 12.5 mm or more recommended; ten modules of white on both sides.
# 0.375 mm are three dots of a printer with 8 dots a mm, so bars are exact there.
MODULE: Final = 0.375
BAR_HEIGHT: Final = 18.0
QUIET: Final = 10 * MODULE


@dataclass(frozen=True, slots=True)
class Area:
    """Where something is."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; `area` is as high as a line, and as wide as the text."""

    area: Area
    text: str
    size: float
    baseline: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A line that separates."""

    area: Area

    def boxes(self) -> Iterator[Area]:
        """What of it is black."""
        yield self.area


@dataclass(frozen=True, slots=True)
class Bars:
    """A Code 128; `area` includes the white on both sides."""

    area: Area
    code: str
    runs: tuple[tuple[float, float], ...]
    """Left end and width of each bar."""

    def boxes(self) -> Iterator[Area]:
        """What of it is black."""
        for left, width in self.runs:
            yield Area(left, self.area.top, left + width, self.area.bottom)


@dataclass(frozen=True, slots=True)
class Matrix:
    """A QR Code or a Data Matrix; `area` includes the white around it."""

    area: Area
    kind: str
    data: str
    module: float
    quiet: int
    rows: tuple[tuple[int, ...], ...]

    def boxes(self) -> Iterator[Area]:
        """What of it is black: modules that touch in a row are one box."""
        left = self.area.left + self.quiet * self.module
        top = self.area.top + self.quiet * self.module
        for row in self.rows:
            at = left
            for dark, modules in groupby(row):
                width = len(list(modules)) * self.module
                if dark:
                    yield Area(at, top, at + width, top + self.module)
                at += width
            top += self.module


Item: TypeAlias = Line | Rule | Bars | Matrix


def dots(length: float) -> int:
    """A length in mm in whole dots."""
    return round(length * DOTS_PER_MM)


def bars(code: str, *, center: float, top: float) -> Bars:
    """The code as Code 128 (ISO/IEC 15417), its digits in pairs (code set C) where that is shorter."""
    symbol = Code128(code, quiet=0)
    symbol.validate()
    symbol.encode()
    widths = [(letter.isupper(), ord(letter.upper()) - ord("A") + 1) for letter in symbol.decompose()]
    left = round((center - sum(width for _, width in widths) * MODULE / 2) * DOTS_PER_MM) / DOTS_PER_MM
    runs, at = [], left
    for is_bar, modules in widths:
        if is_bar:
            runs.append((at, modules * MODULE))
        at += modules * MODULE
    return Bars(Area(left - QUIET, top, at + QUIET, top + BAR_HEIGHT), code, tuple(runs))
