"""Labels as pictures in black and white, with 8 dots a mm, as label printers have them: bars and squares are exact to the dot."""

from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from math import ceil, floor
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from app.labels.font import BOLD, FILE, Font
from app.labels.items import DOTS_PER_MM, Area, Bars, Item, Line, Matrix, Rule, dots
from app.labels.pages import PageKind

_BLACK: Final = 0
_WHITE: Final = 255
_MM_PER_INCH: Final = 25.4
# Letters are drawn this large (the largest on a label have 85 dots), and reduced to the size that is wanted: to open the font for
# each size would take 12 ms every time.
_DRAWN_AT: Final = 192
_BLACK_FROM_HALF: Final = [0] * 128 + [255] * 128
_MOST_KEPT: Final = 4_096


class Glyph(NamedTuple):
    """A letter in dots, where its top left corner is from its origin on the baseline, and how far from there the next origin is."""

    mask: Image.Image | None
    left: int
    top: int
    advance: float


class Painter:
    """Draws labels; the letters that it has drawn are kept. Not for two threads at once."""

    def __init__(self, font: Font) -> None:
        self._font = font
        self._face = ImageFont.truetype(str(FILE), _DRAWN_AT, layout_engine=ImageFont.Layout.BASIC)
        self._glyph = lru_cache(_MOST_KEPT)(self._draw_glyph)

    def paint(self, items: Iterable[Item], page: PageKind) -> Image.Image:
        """A page with one label, at its top left corner."""
        picture = Image.new("L", (dots(page.width), dots(page.height)), _WHITE)
        draw = ImageDraw.Draw(picture)
        for item in (*page.cut_marks(), *items):
            match item:
                case Line():
                    self._write(draw, item)
                case Matrix():
                    _stamp(draw, item)
                case Rule() | Bars():
                    for box in item.boxes():
                        _fill(draw, box)
        return picture

    def _write(self, draw: ImageDraw.ImageDraw, line: Line) -> None:
        """Each letter on the dot that is nearest to where it stands in the PDF."""
        size = line.size * DOTS_PER_MM
        x, baseline = line.area.left * DOTS_PER_MM, dots(line.baseline)
        for character in line.text:
            mask, left, top, advance = self._glyph(character, size, line.bold)
            if mask is not None:
                draw.bitmap((round(x) + left, baseline + top), mask, _BLACK)
            x += advance

    def _draw_glyph(self, character: str, size: float, bold: bool) -> Glyph:
        advance = self._font.measure(character) * size
        scale = size / _DRAWN_AT
        pen = BOLD / 2 * _DRAWN_AT if bold else 0
        corners = self._face.getbbox(character, anchor="ls", stroke_width=pen)
        left, top = floor(corners[0] * scale), floor(corners[1] * scale)
        right, bottom = ceil(corners[2] * scale), ceil(corners[3] * scale)
        if left == right or top == bottom:
            return Glyph(None, left, top, advance)
        # A dot more, since the box of what is reduced ends between dots of the large picture.
        x, y = 1 - floor(left / scale), 1 - floor(top / scale)
        large = Image.new("L", (x + ceil(right / scale) + 1, y + ceil(bottom / scale) + 1))
        ImageDraw.Draw(large).text((x, y), character, 255, self._face, anchor="ls", stroke_width=pen)
        box = (x + left / scale, y + top / scale, x + right / scale, y + bottom / scale)
        grey = large.resize((right - left, bottom - top), Image.Resampling.BOX, box)
        return Glyph(grey.point(_BLACK_FROM_HALF, "1"), left, top, advance)


def _fill(draw: ImageDraw.ImageDraw, box: Area) -> None:
    # The last dot of a rectangle belongs to it.
    draw.rectangle((dots(box.left), dots(box.top), dots(box.right) - 1, dots(box.bottom) - 1), _BLACK)


def _stamp(draw: ImageDraw.ImageDraw, matrix: Matrix) -> None:
    """All modules at once."""
    side = len(matrix.rows)
    modules = Image.frombytes("L", (side, side), bytes(255 * dark for row in matrix.rows for dark in row))
    module, white = dots(matrix.module), dots(matrix.quiet * matrix.module)
    mask = modules.resize((side * module, side * module), Image.Resampling.NEAREST)
    draw.bitmap((dots(matrix.area.left) + white, dots(matrix.area.top) + white), mask, _BLACK)


def png_of(picture: Image.Image) -> bytes:
    """The picture as PNG, which tells how many dots it has to an inch.

    It has two bits a dot, of which only black and white are used: Pillow packs those in half the time that one bit a dot takes it.
    """
    file = BytesIO()
    picture.save(file, "PNG", bits=2, dpi=(DOTS_PER_MM * _MM_PER_INCH,) * 2, compress_level=1)
    return file.getvalue()
