"""Draws labels, in a thread: takes a while to load and to draw, and knows nothing of those who wait."""

from collections.abc import Sequence
from functools import partial

from PIL import Image

from app.labels import zpl
from app.labels.font import Font
from app.labels.items import Item
from app.labels.layout import Designer
from app.labels.pages import PAGES, Page, Size
from app.labels.pdf import PdfFile
from app.labels.picture import Painter, png_of
from app.models.postings import Posting


class Drawing:
    """All that labels are drawn with; `public_url` is where the tracking pages are."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._font = Font()
        self._painter = Painter(self._font)

    def new_file(self, page: Page) -> PdfFile:
        """A PDF without a label."""
        return PdfFile(page)

    def add(self, file: PdfFile, postings: Sequence[Posting], page: Page, data_matrix: bool) -> None:
        """The labels of these postings, on the next places of a PDF."""
        for posting in postings:
            file.add(self._items(posting, page, data_matrix))

    def png(self, posting: Posting, page: Page, data_matrix: bool) -> bytes:
        """One label as a picture of a page."""
        return png_of(self._picture(posting, page, data_matrix))

    def zpl(self, posting: Posting, size: Size, data_matrix: bool) -> bytes:
        """Commands for a label printer; a picture where texts are so long that they need smaller letters than printers have."""
        width, height = PAGES[size].label
        designer = Designer(zpl.draws, partial(zpl.measure, self._font), width, height)
        items = designer.items(posting, self._url_of(posting), data_matrix=data_matrix)
        if zpl.can_be_set(items):
            return zpl.write_zpl(items, width=width, height=height)
        return zpl.write_picture(self._picture(posting, size, data_matrix))

    def _picture(self, posting: Posting, page: Page, data_matrix: bool) -> Image.Image:
        return self._painter.paint(self._items(posting, page, data_matrix), PAGES[page])

    def _items(self, posting: Posting, page: Page, data_matrix: bool) -> list[Item]:
        """For paper; what a printer sets with its own font is measured otherwise."""
        designer = Designer(self._font.draws, self._font.measure, *PAGES[page].label)
        return designer.items(posting, self._url_of(posting), data_matrix=data_matrix)

    def _url_of(self, posting: Posting) -> str:
        return f"{self._public_url}/rastreio/{posting.tracking_code}"
