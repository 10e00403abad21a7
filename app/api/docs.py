"""/docs: Swagger UI from files of our own, so that it works without the internet."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

_STATIC: Final = Path(__file__).parent / "static"


def add_docs(app: FastAPI) -> None:
    """Mount the page and its files."""
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")

    @app.get("/docs", include_in_schema=False)
    async def get_docs() -> FileResponse:
        return FileResponse(_STATIC / "docs.html")
