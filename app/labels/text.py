"""Text for paper: what a font cannot draw is written in letters that it can, and what is too long is wrapped and made smaller."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, TypeAlias

from anyascii import anyascii

Draws: TypeAlias = Callable[[str], bool]
"""Whether a character can be drawn as it is."""
Measure: TypeAlias = Callable[[str], float]
"""The width of a text, in units of its size."""

_INVISIBLE: Final = ("Cf", "Mn", "Me", "Cc")
_SMALLER: Final = 0.94
# Readings and the names of usual emoji are shorter. The longest name has 42 letters, and a name of 200 such emoji would be a page.
_LONGEST: Final = 12
_ROUNDING: Final = 1e-6


def readable(text: str, draws: Draws, *, unknown: str) -> str:
    """The text in characters that can be drawn, with single spaces.

    A character that cannot be is transliterated (王 becomes Wang, 🚀 :rocket:); where nobody knows how, or only with more than twelve
    letters, `unknown` stands for it. Nothing vanishes but what nobody could see: format characters, and marks that have no
    transliteration. Never empty.
    """
    text = unicodedata.normalize("NFC", text)
    written = str.maketrans({character: _written(character, draws, unknown) for character in set(text)})
    return " ".join(text.translate(written).split()) or unknown


def _written(character: str, draws: Draws, unknown: str) -> str:
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category not in ("Cf", "Cc") and draws(character):
        return character
    letters = anyascii(character)
    if len(letters) > _LONGEST:
        return unknown
    letters = "".join(letter for letter in letters if draws(letter) or letter == " ")
    return letters or ("" if category in _INVISIBLE else unknown)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines that fit, and the size at which they do."""

    size: float
    lines: tuple[str, ...]


def fit(
    paragraphs: Sequence[str], measure: Measure, *, width: float, height: float, size: float, leading: float
) -> Fitted:
    """The paragraphs in lines at the largest size, up to the one given, at which they fit the box; however long they are.

    `leading` is the height of a line in units of the size. Words that are wider than the box are broken.
    """
    fitted = _wrapped(paragraphs, measure, width, size)
    if _fits(len(fitted.lines), size, leading, height):
        return fitted
    # A long text needs dozens of sizes: those that are too large even for lines without a gap are passed over.
    least_lines = _least_lines(paragraphs, measure, width)
    while True:
        size *= _SMALLER
        if not _fits(least_lines(size), size, leading, height):
            continue
        fitted = _wrapped(paragraphs, measure, width, size)
        if _fits(len(fitted.lines), size, leading, height):
            return fitted


def _fits(lines: int, size: float, leading: float, height: float) -> bool:
    return lines * size * leading <= height


def _wrapped(paragraphs: Sequence[str], measure: Measure, width: float, size: float) -> Fitted:
    return Fitted(size, tuple(line for paragraph in paragraphs for line in wrap(paragraph, measure, width / size)))


def _least_lines(paragraphs: Sequence[str], measure: Measure, width: float) -> Callable[[float], int]:
    """How many lines the paragraphs have at a size at least: as many as if each line were full, and a space were lost between two."""
    space = measure(" ")
    texts = [" ".join(paragraph.split()) for paragraph in paragraphs]
    lengths = [measure(text) + space for text in texts if text]
    # A single character may be wider than the box.
    widest = max((measure(character) for character in set("".join(texts))), default=0.0)

    def least_lines(size: float) -> int:
        line = max(width / size, widest) + space
        return sum(ceil(length / line - _ROUNDING) for length in lengths)

    return least_lines


def wrap(paragraph: str, measure: Measure, width: float) -> list[str]:
    """The lines of the paragraph, none wider than the width (but for a single character that is)."""
    lines: list[str] = []
    line, used = "", 0.0
    space = measure(" ")
    for word in paragraph.split():
        for piece in _pieces(word, measure, width):
            long = measure(piece)
            if line and (piece is not word or used + space + long > width):
                lines.append(line)
                line = ""
            line, used = (f"{line} {piece}", used + space + long) if line else (piece, long)
    return [*lines, line] if line else lines


def _pieces(word: str, measure: Measure, width: float) -> list[str]:
    """The word, or the parts that it is broken into because it is wider than a line."""
    if measure(word) <= width:
        return [word]
    pieces = [""]
    used = 0.0
    lengths = {character: measure(character) for character in set(word)}
    for character in word:
        long = lengths[character]
        if pieces[-1] and used + long > width:
            pieces.append("")
            used = 0.0
        pieces[-1] += character
        used += long
    return pieces
