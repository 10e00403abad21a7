"""How a page is made: one template for all of them, and the headers that they are sent with."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.models.tracking import Tracking
from app.web.texts import Kind, Texts

FOLDER: Final = Path(__file__).parent
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
    "Vary": "Accept, Accept-Language",
}

_PAGE: Final = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
).get_template("page.html")
# Brasília has had no summer time since 2019, and a machine may come without a database of zones.
_BRASILIA: Final = timezone(timedelta(hours=-3))
_STALLED_DAYS: Final = 7
_STATUS_OF: Final = {"unknown": 404, "mistyped": 422, "busy": 503}


def render_page(
    texts: Texts,
    kind: Kind,
    *,
    other_address: str = "",
    written: str = "",
    tracking: Tracking | None = None,
) -> HTMLResponse:
    """A page of this kind."""
    page = _PAGE.render(
        text=texts,
        heading=texts.headings[kind],
        advice=texts.advice[kind],
        other_address=other_address,
        written=written,
        tracking=tracking,
        stalled_days=_stalled_days(tracking, datetime.now(UTC)) if tracking else 0,
        kind=kind,
        zone=_BRASILIA,
    )
    return HTMLResponse(page, _STATUS_OF.get(kind, 200), HEADERS)


def _stalled_days(tracking: Tracking, now: datetime) -> int:
    """For how many days a parcel on its way has not moved; 0 where that is nothing to tell."""
    days = (now - tracking.steps[-1].occurred_at).days
    return days if tracking.status == "shipped" and days >= _STALLED_DAYS else 0
