"""/docs: Swagger UI from files of our own, so that it works without the internet, and the schema that it shows."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from app.api.document import complete

_STATIC: Final = Path(__file__).parent / "static"
# Swagger UI draws its icons from data: addresses. Its "Try it out" asks this very service and nobody else.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}


def add_docs(app: FastAPI) -> None:
    """Mount the page and its files, and make the schema exact."""
    describe = app.openapi

    def describe_exactly() -> dict[str, Any]:
        if app.openapi_schema is None:
            complete(describe())
        return describe()  # from here on it is kept

    app.openapi = describe_exactly  # type: ignore[method-assign]
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")

    @app.get("/docs", include_in_schema=False)
    async def get_docs() -> FileResponse:
        return FileResponse(_STATIC / "docs.html", headers=_HEADERS)
