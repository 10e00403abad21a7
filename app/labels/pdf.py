"""Labels as PDF, drawn as lines and text, so that printers draw them as sharply as they can."""

from collections.abc import Iterable
from io import BytesIO
from typing import Final

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from app.labels.font import BOLD, NAME
from app.labels.items import Area, Item, Line
from app.labels.pages import PAGES, Page

_FILL_AND_STROKE: Final = 2


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
        self._canvas.saveState()
        self._canvas.translate(0, self._page.height * mm)
        for mark in self._page.cut_marks():
            _draw(self._canvas, mark)
        self._canvas.restoreState()

    def finish(self) -> bytes:
        """The whole file."""
        self._canvas.save()
        return self._file.getvalue()


def _draw(canvas: Canvas, item: Item) -> None:
    if isinstance(item, Line):
        _draw_line(canvas, item)
    else:
        _fill(canvas, item.boxes())


def _draw_line(canvas: Canvas, line: Line) -> None:
    text = canvas.beginText(line.area.left * mm, -line.baseline * mm)
    text.setFont(NAME, line.size * mm)
    if not line.bold:
        text.textOut(line.text)
        canvas.drawText(text)
        return
    canvas.saveState()
    canvas.setLineWidth(line.size * mm * BOLD)
    text.setTextRenderMode(_FILL_AND_STROKE)
    text.textOut(line.text)
    canvas.drawText(text)
    canvas.restoreState()


def _fill(canvas: Canvas, boxes: Iterable[Area]) -> None:
    path = canvas.beginPath()
    for box in boxes:
        path.rect(box.left * mm, -box.bottom * mm, box.width * mm, box.height * mm)
    canvas.drawPath(path, stroke=0, fill=1)
