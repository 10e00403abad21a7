"""Labels as ZPL II, for printers with 8 dots a mm (203 dpi). Plain ASCII: no byte of a text can be taken for a command."""

from collections.abc import Iterable
from typing import Final

from PIL import Image

from app.labels.font import Font
from app.labels.items import Bars, Item, Line, Matrix, Rule, dots

# The letters of Latin-1 are in the scalable font of every printer; with what else is, models differ.
_LATIN_1: Final = range(0xA1, 0x100)
# ^CI28: what follows is UTF-8; ^LH0,0, ^PON and ^FWN: whatever an earlier job has set is undone.
_BEGIN: Final = "^XA\n^CI28\n^LH0,0\n^PON\n^FWN"
_END: Final = "^XZ\n"
_SMALLEST: Final = 10
# By how much each is wider in the printers' font than in ours at most, as measured on printers' glyphs.
_WIDER: Final = {
    "-": 0.6, "J": 0.2, **dict.fromkeys("~<>", 0.45), **dict.fromkeys("=+", 0.35), **dict.fromkeys("%'\"{}\\_@", 0.13),
    **dict.fromkeys(".,;:!?`", 0.02), **dict.fromkeys("°ªº", 0.3),
}  # fmt: skip


def draws(character: str) -> bool:
    """Whether every printer's scalable font draws it."""
    return " " <= character <= "~" or character == "°" or (ord(character) in _LATIN_1 and character.isalpha())


def measure(font: Font, text: str) -> float:
    """The most that the text may take in a printer's scalable font (^A0) at size 1.

    That is narrower than ours, but for the characters above.
    """
    return font.measure(text) + sum(_WIDER.get(character, 0) for character in text)


def write_zpl(items: Iterable[Item], *, width: float, height: float) -> bytes:
    """One label of this size in mm."""
    commands = [_BEGIN, f"^PW{dots(width)}", f"^LL{dots(height)}", *map(_command, items), _END]
    return "\n".join(commands).encode("ascii")


def can_be_set(items: Iterable[Item]) -> bool:
    """Whether printers have letters as small as these."""
    return all(dots(item.size) >= _SMALLEST for item in items if isinstance(item, Line))


def write_picture(picture: Image.Image) -> bytes:
    """A label as a picture of black and white dots."""
    rows = picture.convert("1", dither=Image.Dither.NONE).tobytes("raw", "1;I")
    in_row = (picture.width + 7) // 8
    size = f"^PW{picture.width}\n^LL{picture.height}"
    graphic = f"^FO0,0^GFA,{len(rows)},{len(rows)},{in_row},{rows.hex().upper()}^FS"
    return f"{_BEGIN}\n{size}\n{graphic}\n{_END}".encode("ascii")


def _command(item: Item) -> str:
    match item:
        case Line(area, text, size, baseline):
            height = dots(size)
            return f"^FT{dots(area.left)},{dots(baseline)}^A0N,{height},{height}^FH_^FD{escape(text)}^FS"
        case Rule(area):
            width, height = dots(area.width), dots(area.height)
            # A box whose border is as thick as its shorter side is a line; a thicker border would make it larger.
            return f"^FO{dots(area.left)},{dots(area.top)}^GB{width},{height},{min(width, height)}^FS"
        case Bars(area, code, runs):
            # Mode A: the printer takes code set C for the digits by itself.
            return f"^FO{dots(runs[0][0])},{dots(area.top)}^BY3^BCN,{dots(area.height)},N,N,N,A^FD{code}^FS"
        case Matrix():
            return _matrix(item)


def _matrix(matrix: Matrix) -> str:
    left = dots(matrix.area.left + matrix.quiet * matrix.module)
    top = dots(matrix.area.top + matrix.quiet * matrix.module)
    module = dots(matrix.module)
    if matrix.kind == "data_matrix":
        return f"^FO{left},{top}^BXN,{module},200^FD{matrix.data}^FS"
    # Printers put ten dots above a QR Code.
    return f"^FO{left},{top - 10}^BQN,2,{module}^FH_^FDMA,{escape(matrix.data)}^FS"


def escape(text: str) -> str:
    """The text as field data behind ^FH_: every byte of its UTF-8 but letters, digits and spaces in hexadecimal."""
    return "".join(
        chr(byte) if chr(byte).isascii() and (chr(byte).isalnum() or byte == ord(" ")) else f"_{byte:02X}"
        for byte in text.encode()
    )
