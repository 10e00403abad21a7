"""How a page is made: one template for all of them, and the headers that they are sent with."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.models.fields import STATUSES
from app.models.tracking import Tracking
from app.web.texts import ENGLISH, PORTUGUESE, Kind, Texts

FOLDER: Final = Path(__file__).parent
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
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
    public_url: str = "",
    address: str = "",
) -> HTMLResponse:
    """A page of this kind; with an address, below the public URL of this service, links to it are shown with a picture."""
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
        live=_LIVE[texts.lang],
        public_url=public_url.rstrip("/"),
        preview_url=public_url.rstrip("/") + address if address else "",
    )
    return HTMLResponse(page, _STATUS_OF.get(kind, 200), HEADERS)


def _live(texts: Texts) -> str:
    """What live.js has to say."""
    return json.dumps(
        {
            # English as it is written where a day comes before its month, as in these texts.
            "language": texts.locale.replace("_", "-"),
            "zone": texts.own_zone,
            "news": texts.news,
            "headings": {status: texts.headings[status] for status in STATUSES},
            "advice": {status: texts.advice[status] for status in STATUSES},
        },
        ensure_ascii=False,
    )


_LIVE: Final = {texts.lang: _live(texts) for texts in (PORTUGUESE, ENGLISH)}


def _stalled_days(tracking: Tracking, now: datetime) -> int:
    """For how many days a parcel on its way has not moved; 0 where that is nothing to tell."""
    days = (now - tracking.steps[-1].occurred_at).days
    return days if tracking.status == "shipped" and days >= _STALLED_DAYS else 0
