"""Labels: whose postings may be printed, and what a label needs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from app.db.database import Executor
from app.labels.renderer import LabelRenderer
from app.models.clients import Caller
from app.models.labels import LabelFile, LabelQuery, LabelsRequest
from app.models.postings import Posting
from app.services.errors import AddressIncomplete, LabelSizeUnsupported
from app.services.posting_service import OwnedDesk, get_posting, get_postings

if TYPE_CHECKING:
    from app.labels.pages import Page

PDF: Final = "application/pdf"
PNG: Final = "image/png"
ZPL: Final = "text/plain"


async def print_label(
    desk: OwnedDesk, labels: LabelRenderer, caller: Caller, tracking_code: str, query: LabelQuery
) -> LabelFile:
    """The label of one posting; raises LabelSizeUnsupported, what get_posting raises, and AddressIncomplete."""
    if query.format == "zpl" and query.size == "a4":
        raise LabelSizeUnsupported
    posting = await get_posting(desk, caller, tracking_code)
    _require_addresses([posting])
    name = f"{posting.tracking_code}.{query.format}"
    data_matrix = query.extra_code == "data_matrix"
    if query.format == "zpl" and query.size != "a4":
        return LabelFile(await labels.render_zpl(posting, query.size, data_matrix=data_matrix), ZPL, name)
    page: Page = "a4-1" if query.size == "a4" else query.size
    if query.format == "png":
        return LabelFile(await labels.render_png(posting, page, data_matrix=data_matrix), PNG, name)
    return LabelFile(await labels.render_pdf([posting], page, data_matrix=data_matrix), PDF, name)


async def print_labels(executor: Executor, labels: LabelRenderer, caller: Caller, asked: LabelsRequest) -> LabelFile:
    """The labels of many postings in one PDF: all of them, or none; raises what get_postings raises, and AddressIncomplete."""
    postings = await get_postings(executor, caller, asked.tracking_codes)
    _require_addresses(postings)
    content = await labels.render_pdf(postings, asked.sheet, data_matrix=asked.extra_code == "data_matrix")
    return LabelFile(content, PDF, "labels.pdf")


def _require_addresses(postings: Sequence[Posting]) -> None:
    missing = [
        (f"{posting.tracking_code} {side}", "has no street")
        for posting in postings
        for side, party in (("sender", posting.sender), ("recipient", posting.recipient))
        if party.street is None
    ]
    if missing:
        raise AddressIncomplete(places=missing)
