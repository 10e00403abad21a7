"""Renders labels in a thread of its own, so that no other request waits for them, and no more of them wait than may."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from app.core.threads import BoundedThreads
from app.models.postings import Posting

if TYPE_CHECKING:
    from app.labels.drawing import Drawing
    from app.labels.pages import Page, Size

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
        self._thread = BoundedThreads(1, name="labels", most_waiting=_MOST_WAITING)

    async def render_pdf(self, postings: Sequence[Posting], page: "Page", *, data_matrix: bool) -> bytes:
        """A PDF with the labels of these postings, in this order."""
        with self._thread.place_for(len(postings)):
            file = await self._thread.run(lambda: self._drawing.new_file(page))
            for start in range(0, len(postings), _AT_ONCE):
                await self._thread.run(self._drawing.add, file, postings[start : start + _AT_ONCE], page, data_matrix)
            return await self._thread.run(file.finish)

    async def render_png(self, posting: Posting, page: "Page", *, data_matrix: bool) -> bytes:
        """One label as a picture of a page."""
        with self._thread.place_for(1):
            return await self._thread.run(lambda: self._drawing.png(posting, page, data_matrix))

    async def render_zpl(self, posting: Posting, size: "Size", *, data_matrix: bool) -> bytes:
        """Commands for a label printer; a picture where texts are so long that they need smaller letters than printers have."""
        with self._thread.place_for(1):
            return await self._thread.run(lambda: self._drawing.zpl(posting, size, data_matrix))

    def close(self) -> None:
        """End the thread."""
        self._thread.close()

    @cached_property
    def _drawing(self) -> "Drawing":
        """Made in the thread, with the first label: a process that prints none starts without a fifth of what it would load."""
        from app.labels.drawing import Drawing  # noqa: PLC0415

        return Drawing(self._public_url)
