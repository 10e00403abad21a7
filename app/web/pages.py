"""The tracking page for people: a search, and where a parcel is; complete without JavaScript."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Header
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from app.core.deps import ReaderDep
from app.core.tracking_code import normalize_tracking_code
from app.models.tracking import Tracking
from app.services import tracking_service
from app.services.errors import InvalidTrackingCode, TrackingNotFound
from app.web.texts import ENGLISH, PORTUGUESE, Texts, preferred_texts

router: Final = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parent
_PAGE: Final = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
).get_template("page.html")
# Brasília has had no summer time since 2019, and a machine may come without a database of zones.
_BRASILIA: Final = timezone(timedelta(hours=-3))
_STALLED_DAYS: Final = 7
_STATUS_OF: Final = {"unknown": 404, "mistyped": 422}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}


@router.get("/")
async def get_index(code: str = "", lang: str = "", accept_language: Annotated[str, Header()] = "") -> Response:
    """The search; a code that was typed into it leads to the parcel's page."""
    texts = preferred_texts(lang or accept_language)
    if bare := normalize_tracking_code(code):
        return RedirectResponse(texts.address + quote(bare, safe=""), 303, _HEADERS)
    other = "/?lang=" + texts.other_lang
    return _page(texts, "search", heading=texts.welcome, advice=texts.welcome_advice, other_address=other)


@router.get("/rastreio/{tracking_code:path}")
async def get_tracking_in_portuguese(reader: ReaderDep, tracking_code: str) -> Response:
    """Where this parcel is, in Portuguese."""
    return await _tracking_page(reader, PORTUGUESE, ENGLISH, tracking_code)


@router.get("/track/{tracking_code:path}")
async def get_tracking_in_english(reader: ReaderDep, tracking_code: str) -> Response:
    """Where this parcel is, in English."""
    return await _tracking_page(reader, ENGLISH, PORTUGUESE, tracking_code)


@router.get("/page.css")
async def get_page_style() -> FileResponse:
    """How the pages look."""
    return FileResponse(_FOLDER / "static" / "page.css")


async def _tracking_page(reader: ReaderDep, texts: Texts, other: Texts, tracking_code: str) -> Response:
    written = normalize_tracking_code(tracking_code)
    other_address = other.address + quote(written, safe="")
    try:
        tracking = await tracking_service.track(reader, tracking_code)
    except InvalidTrackingCode:
        return _page(
            texts,
            "mistyped",
            heading=texts.mistyped,
            advice=texts.mistyped_advice,
            other_address=other_address,
            written=written,
        )
    except TrackingNotFound:
        return _page(
            texts,
            "unknown",
            heading=texts.unknown,
            advice=texts.unknown_advice,
            other_address=other_address,
            written=written,
        )
    return _page(
        texts,
        tracking.status,
        heading=texts.headings[tracking.status],
        advice=texts.advice[tracking.status],
        other_address=other_address,
        written=f"{written[:2]} {written[2:5]} {written[5:8]} {written[8:11]} {written[11:]}",
        tracking=tracking,
    )


def _page(
    texts: Texts,
    kind: str,
    *,
    heading: str,
    advice: str,
    other_address: str,
    written: str = "",
    tracking: Tracking | None = None,
) -> HTMLResponse:
    page = _PAGE.render(
        text=texts,
        heading=heading,
        advice=advice,
        other_address=other_address,
        written=written,
        tracking=tracking,
        stalled_days=_stalled_days(tracking, datetime.now(UTC)) if tracking else 0,
        kind=kind,
        zone=_BRASILIA,
    )
    return HTMLResponse(page, _STATUS_OF.get(kind, 200), _HEADERS)


def _stalled_days(tracking: Tracking, now: datetime) -> int:
    """For how many days a parcel on its way has not moved; 0 where that is nothing to tell."""
    days = (now - tracking.steps[-1].occurred_at).days
    return days if tracking.status == "shipped" and days >= _STALLED_DAYS else 0
