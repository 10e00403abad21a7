"""The page at `/`: for now it says that the service is up and where the API is."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse

router: Final = APIRouter(include_in_schema=False)

_STATIC: Final = Path(__file__).parent / "static"


@router.get("/")
async def get_index() -> FileResponse:
    """The first page."""
    return FileResponse(_STATIC / "index.html")
