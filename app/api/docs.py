"""/docs: Swagger UI from files of our own, so that it works without the internet, and the schema that it shows."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from app.api.problems import Problem

_STATIC: Final = Path(__file__).parent / "static"


def add_docs(app: FastAPI) -> None:
    """Mount the page and its files, and put into the schema what `problems.declares` names."""
    describe = app.openapi

    def describe_with_problems() -> dict[str, Any]:
        document = describe()
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"].update({**schema.pop("$defs"), "Problem": schema})
        return document

    app.openapi = describe_with_problems  # type: ignore[method-assign]
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")

    @app.get("/docs", include_in_schema=False)
    async def get_docs() -> FileResponse:
        return FileResponse(_STATIC / "docs.html")
