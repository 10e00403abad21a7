"""Answers that are files, and how the document tells of them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse

from app.models.labels import LabelFile


def file_response(file: LabelFile) -> Response:
    """The file, to be shown or saved under its name, and kept by no cache: it holds an address."""
    headers = {"Content-Disposition": f'inline; filename="{file.name}"', "Cache-Control": "no-store"}
    return Response(file.content, media_type=file.media_type, headers=headers)


def stream_response(name: str, media_type: str, pieces: AsyncIterator[bytes]) -> Response:
    """A file that is sent while it is made, to be saved under its name. What goes wrong meanwhile cuts it off: it never seems whole."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def files(description: str, examples: Mapping[str, str]) -> dict[str, Any]:
    """A response for OpenAPI: its media types, each with an example of how such a file begins."""
    return {
        "description": description,
        "headers": {
            "Content-Disposition": {
                "description": "What to call the file.",
                "required": True,
                "schema": {
                    "type": "string",
                    "pattern": '^(inline|attachment); filename="[A-Za-z0-9]+\\.(pdf|png|zpl|zip)"$',
                },
            }
        },
        "content": {
            media_type: {
                "schema": {"type": "string", "contentMediaType": media_type},
                "examples": {"file": {"value": example}},
            }
            for media_type, example in examples.items()
        },
    }
