"""The tracking page for people: a search, and where a parcel is; complete without JavaScript."""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Header
from starlette.responses import FileResponse, RedirectResponse, Response

from app.core.deps import Parts, PartsDep
from app.core.tracking_code import normalize_tracking_code
from app.services import tracking_service
from app.services.errors import InvalidTrackingCode, TrackingNotFound
from app.web.rendering import FOLDER, HEADERS, render_page
from app.web.texts import ENGLISH, PORTUGUESE, Texts, preferred_texts

router: Final = APIRouter(include_in_schema=False)


@router.get("/")
async def get_index(
    parts: PartsDep, code: str = "", lang: str = "", accept_language: Annotated[str, Header()] = ""
) -> Response:
    """The search; a code that was typed into it leads to the parcel's page."""
    texts = preferred_texts(lang or accept_language)
    if bare := normalize_tracking_code(code):
        return RedirectResponse(texts.address + quote(bare, safe=""), 303, HEADERS)
    other = "/?lang=" + texts.other_lang
    return render_page(texts, "search", other_address=other, public_url=parts.public_url, address="/")


@router.get("/rastreio/{tracking_code:path}")
async def get_tracking_in_portuguese(parts: PartsDep, tracking_code: str) -> Response:
    """Where this parcel is, in Portuguese."""
    return await _tracking_page(parts, PORTUGUESE, ENGLISH, tracking_code)


@router.get("/track/{tracking_code:path}")
async def get_tracking_in_english(parts: PartsDep, tracking_code: str) -> Response:
    """Where this parcel is, in English."""
    return await _tracking_page(parts, ENGLISH, PORTUGUESE, tracking_code)


@router.get("/page.css")
async def get_page_style() -> FileResponse:
    """How the pages look."""
    return FileResponse(FOLDER / "static" / "page.css")


@router.get("/live.js")
async def get_page_script() -> FileResponse:
    """What keeps an open page up to date."""
    return FileResponse(FOLDER / "static" / "live.js")


@router.get("/preview.png")
async def get_preview() -> FileResponse:
    """The picture that is shown with a link to a page."""
    return FileResponse(FOLDER / "static" / "preview.png")


async def _tracking_page(parts: Parts, texts: Texts, other: Texts, tracking_code: str) -> Response:
    written = normalize_tracking_code(tracking_code)
    other_address = other.address + quote(written, safe="")
    try:
        tracking = await tracking_service.track(parts.public_desk, tracking_code)
    except InvalidTrackingCode:
        return render_page(texts, "mistyped", other_address=other_address, written=written)
    except TrackingNotFound:
        return render_page(texts, "unknown", other_address=other_address, written=written)
    return render_page(
        texts,
        tracking.status,
        other_address=other_address,
        written=f"{written[:2]} {written[2:5]} {written[5:8]} {written[8:11]} {written[11:]}",
        tracking=tracking,
        public_url=parts.public_url,
        address=texts.address + tracking.tracking_code,
    )
