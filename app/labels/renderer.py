"""Renders labels in a thread of its own, so that no other request waits for them, and no more of them wait than may."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from PIL import Image

from app.core.threads import BoundedThreads
from app.labels import zpl
from app.labels.font import Font
from app.labels.items import Item
from app.labels.layout import Designer
from app.labels.pages import PAGES, Page, Size
from app.labels.pdf import PdfFile
from app.labels.picture import Painter, png_of
from app.models.postings import Posting

_MOST_WAITING: Final = 2_000
_AT_ONCE: Final = 10


class LabelRenderer:
    """Turns postings into labels.

    One thread is the bound: a second one would have to share the interpreter with it, and what draws is not made for two. A long
    file is rendered in pieces, and others take their turn between them. All functions raise ThreadsBusy, before any work, when too
    many labels wait already.
    """

    def __init__(self, *, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._font = Font()
        self._painter = Painter(self._font)
        self._thread = BoundedThreads(1, name="labels", most_waiting=_MOST_WAITING)

    async def render_pdf(self, postings: Sequence[Posting], page: Page, *, data_matrix: bool) -> bytes:
        """A PDF with the labels of these postings, in this order."""
        with self._thread.place_for(len(postings)):
            file = PdfFile(page)
            for start in range(0, len(postings), _AT_ONCE):
                await self._thread.run(self._add, file, postings[start : start + _AT_ONCE], page, data_matrix)
            return await self._thread.run(file.finish)

    async def render_png(self, posting: Posting, page: Page, *, data_matrix: bool) -> bytes:
        """One label as a picture of a page."""
        with self._thread.place_for(1):
            return await self._thread.run(self._png, posting, page, data_matrix)

    async def render_zpl(self, posting: Posting, size: Size, *, data_matrix: bool) -> bytes:
        """Commands for a label printer; a picture where texts are so long that they need smaller letters than printers have."""
        with self._thread.place_for(1):
            return await self._thread.run(self._zpl, posting, size, data_matrix)

    def close(self) -> None:
        """End the thread."""
        self._thread.close()

    def _add(self, file: PdfFile, postings: Sequence[Posting], page: Page, data_matrix: bool) -> None:
        for posting in postings:
            file.add(self._items(posting, page, data_matrix))

    def _picture(self, posting: Posting, page: Page, data_matrix: bool) -> Image.Image:
        return self._painter.paint(self._items(posting, page, data_matrix), PAGES[page])

    def _png(self, posting: Posting, page: Page, data_matrix: bool) -> bytes:
        return png_of(self._picture(posting, page, data_matrix))

    def _zpl(self, posting: Posting, size: Size, data_matrix: bool) -> bytes:
        width, height = PAGES[size].label
        designer = Designer(zpl.draws, partial(zpl.measure, self._font), width, height)
        items = designer.items(posting, self._url_of(posting), data_matrix=data_matrix)
        if zpl.can_be_set(items):
            return zpl.write_zpl(items, width=width, height=height)
        return zpl.write_picture(self._picture(posting, size, data_matrix))

    def _items(self, posting: Posting, page: Page, data_matrix: bool) -> list[Item]:
        """For paper; what a printer sets with its own font is measured otherwise."""
        designer = Designer(self._font.draws, self._font.measure, *PAGES[page].label)
        return designer.items(posting, self._url_of(posting), data_matrix=data_matrix)

    def _url_of(self, posting: Posting) -> str:
        return f"{self._public_url}/rastreio/{posting.tracking_code}"
