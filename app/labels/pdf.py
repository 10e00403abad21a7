"""Labels as PDF, drawn as lines and text (so that printers draw them as sharply as they can), and pages of it as PNG."""

from collections.abc import Iterable
from io import BytesIO
from typing import Final, Literal, NamedTuple, TypeAlias

import pypdfium2
from PIL import Image
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from app.labels.font import NAME
from app.labels.items import Bars, Item, Line, Matrix, Rule

Size: TypeAlias = Literal["a6", "100x150"]
Page: TypeAlias = Literal["a6", "100x150", "a4-1", "a4-2", "a4-4"]

DOTS_PER_MM: Final = 8
_POINTS_PER_INCH: Final = 72
_MM_PER_INCH: Final = 25.4
# ISO 216.
_A6: Final = (105.0, 148.0)
_WIDTH: Final = 210.0
_HEIGHT: Final = 297.0
# A label of A6 turned and enlarged for half a sheet. 1.35 keeps the modules of the bars within the 0.51 mm of S10 (0.506 mm), and
# leaves a margin that every printer has.
_LARGE: Final = 1.35
_MARK: Final = 5.0
_BLACK_OR_WHITE: Final = [0] * 128 + [255] * 128
_BOLD: Final = 0.035
_FILL_AND_STROKE: Final = 2


class Place(NamedTuple):
    """Where on a page a label's top left corner is, from the page's, and how large and whether turned it is drawn."""

    x: float
    y: float
    scale: float = 1.0
    turned: bool = False


class PageKind(NamedTuple):
    """A page: its width and height, where labels are on it, how large they are before they are scaled, and where it is cut."""

    width: float
    height: float
    places: tuple[Place, ...] = (Place(0, 0),)
    label: tuple[float, float] = _A6
    cut_x: tuple[float, ...] = ()
    cut_y: tuple[float, ...] = ()


_HALF: Final = ((_WIDTH - 148 * _LARGE) / 2, (_HEIGHT / 2 + 105 * _LARGE) / 2)
PAGES: Final[dict[Page, PageKind]] = {
    "a6": PageKind(*_A6),
    "100x150": PageKind(100, 150, label=(100, 150)),
    "a4-1": PageKind(_WIDTH, _HEIGHT, cut_x=(_WIDTH / 2,), cut_y=(_HEIGHT / 2,)),
    "a4-2": PageKind(
        _WIDTH,
        _HEIGHT,
        tuple(Place(_HALF[0], _HALF[1] + half * _HEIGHT / 2, _LARGE, turned=True) for half in (0, 1)),
        cut_y=(_HEIGHT / 2,),
    ),
    "a4-4": PageKind(
        _WIDTH,
        _HEIGHT,
        tuple(Place(x, y) for y in (0, _HEIGHT / 2) for x in (0, _WIDTH / 2)),
        cut_x=(_WIDTH / 2,),
        cut_y=(_HEIGHT / 2,),
    ),
}


class PdfFile:
    """A file of labels that grows; the same labels give the same bytes."""

    def __init__(self, page: Page) -> None:
        self._page = PAGES[page]
        self._file = BytesIO()
        self._canvas = Canvas(
            self._file, pagesize=(self._page.width * mm, self._page.height * mm), pageCompression=1, invariant=1
        )
        self._canvas.setTitle("Etiquetas")
        self._canvas.setCreator("Postagens")
        self._drawn = 0

    def add(self, items: Iterable[Item]) -> None:
        """Draw the next label, on a new page when this one is full."""
        position = self._drawn % len(self._page.places)
        if position == 0:
            self._begin_page()
        place = self._page.places[position]
        canvas = self._canvas
        canvas.saveState()
        canvas.translate(place.x * mm, (self._page.height - place.y) * mm)
        if place.turned:
            canvas.rotate(90)
        canvas.scale(place.scale, place.scale)
        for item in items:
            _draw(canvas, item)
        canvas.restoreState()
        self._drawn += 1

    def _begin_page(self) -> None:
        if self._drawn:
            self._canvas.showPage()
        self._canvas.setLineWidth(0.5)
        width, height = self._page.width, self._page.height
        for x in self._page.cut_x:
            for y in (0, height / 2 - _MARK / 2, height - _MARK):
                self._canvas.line(x * mm, y * mm, x * mm, (y + _MARK) * mm)
        for y in self._page.cut_y:
            for x in (0, width / 2 - _MARK / 2, width - _MARK):
                self._canvas.line(x * mm, y * mm, (x + _MARK) * mm, y * mm)

    def finish(self) -> bytes:
        """The whole file."""
        self._canvas.save()
        return self._file.getvalue()


def _draw(canvas: Canvas, item: Item) -> None:
    match item:
        case Line():
            _draw_line(canvas, item)
        case Rule(area):
            canvas.rect(area.left * mm, -area.bottom * mm, area.width * mm, area.height * mm, stroke=0, fill=1)
        case Bars(area, _, runs):
            _fill(canvas, ((left, area.top, width, area.height) for left, width in runs))
        case Matrix():
            _fill(canvas, _runs(item))


def _draw_line(canvas: Canvas, line: Line) -> None:
    text = canvas.beginText(line.area.left * mm, -line.baseline * mm)
    text.setFont(NAME, line.size * mm)
    if not line.bold:
        text.textOut(line.text)
        canvas.drawText(text)
        return
    # The font has one weight: bold is the same outline with a pen along it.
    canvas.saveState()
    canvas.setLineWidth(line.size * mm * _BOLD)
    text.setTextRenderMode(_FILL_AND_STROKE)
    text.textOut(line.text)
    canvas.drawText(text)
    canvas.restoreState()


def _fill(canvas: Canvas, boxes: Iterable[tuple[float, float, float, float]]) -> None:
    path = canvas.beginPath()
    for left, top, width, height in boxes:
        path.rect(left * mm, -(top + height) * mm, width * mm, height * mm)
    canvas.drawPath(path, stroke=0, fill=1)


def _runs(matrix: Matrix) -> Iterable[tuple[float, float, float, float]]:
    """Dark modules that touch in a row, as one box each."""
    module = matrix.module
    for number, row in enumerate(matrix.rows):
        top = matrix.area.top + (matrix.quiet + number) * module
        start = None
        for column, dark in enumerate((*row, 0)):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                yield matrix.area.left + (matrix.quiet + start) * module, top, (column - start) * module, module
                start = None


def picture_of(pdf: bytes) -> Image.Image:
    """The first page in black (0) and white (1), with 8 dots a mm, as label printers have them.

    Never call it from two threads at once: PDFium is not made for that.
    """
    scale = DOTS_PER_MM * _MM_PER_INCH / _POINTS_PER_INCH
    with pypdfium2.PdfDocument(pdf) as document:
        size = [round(length * scale) for length in document[0].get_size()]
        grey = document[0].render(scale=scale, grayscale=True).to_pil()  # pyright: ignore[reportArgumentType]
    black_and_white: Image.Image = grey.crop((0, 0, *size)).point(_BLACK_OR_WHITE, "1")
    return black_and_white


def png_of(pdf: bytes) -> bytes:
    """The same as PNG."""
    file = BytesIO()
    picture_of(pdf).save(file, "PNG", dpi=(DOTS_PER_MM * _MM_PER_INCH,) * 2, compress_level=1)
    return file.getvalue()
