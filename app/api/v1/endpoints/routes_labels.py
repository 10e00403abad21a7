"""Labels, to be printed and stuck on parcels."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from app.api.files import file_response, files
from app.api.problems import declares
from app.core.deps import LabelsReaderDep, PartsDep, ReaderDep, TrackingCodePath
from app.models.labels import LabelQuery, LabelsRequest
from app.services import errors, label_service

router: Final = APIRouter(tags=["labels"], default_response_class=Response)

_PRINTING: Final = declares(
    errors.PostingNotFound,
    errors.AddressIncomplete,
    errors.InvalidTrackingCode,
)
_LABEL: Final[dict[int | str, dict[str, Any]]] = {
    200: files(
        "The label.",
        {label_service.PDF: "%PDF-1.4 …", label_service.PNG: "\u0089PNG …", label_service.ZPL: "^XA\n^CI28\n…\n^XZ\n"},
    ),
    **_PRINTING,
}
_LABELS: Final[dict[int | str, dict[str, Any]]] = {
    200: files("The labels.", {label_service.PDF: "%PDF-1.4 …"}),
    **_PRINTING,
}


@router.get("/postings/{tracking_code}/label", responses=_LABEL)
async def print_label(
    parts: PartsDep,
    caller: LabelsReaderDep,
    tracking_code: TrackingCodePath,
    query: Annotated[LabelQuery, Query()],
) -> Response:
    """The label of a posting: recipient, sender, Code 128, and a QR Code that leads to the tracking page."""
    return file_response(await label_service.print_label(parts.owned_desk, parts.labels, caller, tracking_code, query))


@router.post("/labels", responses=_LABELS)
async def print_labels(reader: ReaderDep, parts: PartsDep, caller: LabelsReaderDep, asked: LabelsRequest) -> Response:
    """The labels of up to 500 postings in one PDF: all of them, or none."""
    return file_response(await label_service.print_labels(reader, parts.labels, caller, asked))
