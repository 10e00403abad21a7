"""The font of the labels: Noto Sans (SIL Open Font License 1.1), embedded in every PDF with the glyphs that it uses."""

from typing import Final

import fontpkg_noto_sans
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

NAME: Final = "NotoSans"
FILE: Final = fontpkg_noto_sans.ROOT / "files" / "NotoSans[wdth,wght].ttf"
_PER_EM: Final = 1000
# What stands in these blocks is drawn letter by letter, from left to right, as it is written: Latin, Greek, Cyrillic, Armenian,
# punctuation, currencies and symbols. Other scripts that the font holds need shaping, and would be drawn wrongly.
_DRAWN: Final = ((0x20, 0x058F), (0x1E00, 0x22FF), (0xFFFD, 0xFFFD))

LEADING: Final = 1.2
"""The height of a line in units of the size: capitals with an accent (0.95) and descenders (0.24) have room in it."""
BASELINE: Final = 0.95
"""How far below a line's top letters stand, in the same units."""
BOLD: Final = 0.035
"""One weight of the font is enough: bold is the same outline with a pen along it, so wide in the same units."""


class Font:
    """Measures and draws; reading the file takes a few hundredths of a second, so it is done once."""

    def __init__(self) -> None:
        font = TTFont(NAME, str(FILE))
        pdfmetrics.registerFont(font)
        self._widths: dict[int, float] = font.face.charWidths
        self._glyphs: dict[int, int] = font.face.charToGlyph
        self._default: float = font.face.defaultWidth

    def draws(self, character: str) -> bool:
        """Whether the font draws it rightly."""
        code = ord(character)
        return code in self._glyphs and any(first <= code <= last for first, last in _DRAWN)

    def measure(self, text: str) -> float:
        """The width of the text at size 1."""
        widths, default = self._widths, self._default
        return sum([widths.get(ord(character), default) for character in text]) / _PER_EM
