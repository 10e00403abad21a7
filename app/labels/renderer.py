"""Renders labels in a thread of its own, so that no other request waits for them, and no more of them wait than may."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from PIL import Image

from app.labels import zpl
from app.labels.font import Font
from app.labels.items import Item
from app.labels.layout import Designer
from app.labels.pages import PAGES, Page, Size
from app.labels.pdf import PdfFile
from app.labels.picture import Painter, png_of
from app.models.postings import Posting

T = TypeVar("T")

_MOST_WAITING: Final = 2_000
_AT_ONCE: Final = 10


class TooManyLabels(Exception):
    """As many labels wait to be rendered as may."""


class LabelRenderer:
    """Turns postings into labels.

    One thread is the bound: a second one would have to share the interpreter with it, and what draws is not made for two. A long
    file is rendered in pieces, and others take their turn between them. All functions raise TooManyLabels, before any work, when too
    many labels wait already.
    """

    def __init__(self, *, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._font = Font()
        self._painter = Painter(self._font)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="labels")
        self._waiting = 0

    async def render_pdf(self, postings: Sequence[Posting], page: Page, *, data_matrix: bool) -> bytes:
        """A PDF with the labels of these postings, in this order."""
        self._reserve(len(postings))
        try:
            file = PdfFile(page)
            for start in range(0, len(postings), _AT_ONCE):
                piece = postings[start : start + _AT_ONCE]
                await self._in_thread(partial(self._add, file, piece, page, data_matrix))
            return await self._in_thread(file.finish)
        finally:
            self._waiting -= len(postings)

    async def render_png(self, posting: Posting, page: Page, *, data_matrix: bool) -> bytes:
        """One label as a picture of a page."""
        self._reserve(1)
        try:
            return await self._in_thread(partial(self._png, posting, page, data_matrix))
        finally:
            self._waiting -= 1

    async def render_zpl(self, posting: Posting, size: Size, *, data_matrix: bool) -> bytes:
        """Commands for a label printer; a picture where texts are so long that they need smaller letters than printers have."""
        self._reserve(1)
        try:
            return await self._in_thread(partial(self._zpl, posting, size, data_matrix))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

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

    def _reserve(self, labels: int) -> None:
        if self._waiting + labels > _MOST_WAITING:
            raise TooManyLabels
        self._waiting += labels

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
