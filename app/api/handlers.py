"""Catches what a route lets through, and answers with a problem."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api import edge_errors
from app.api.methods import methods_at
from app.api.problems import InvalidPlace, answer
from app.api.request_id import incoming
from app.core.logging import RareWarning, telling
from app.core.threads import ThreadsBusy
from app.db.database import CommitUnknown, DatabaseBusy, DatabaseUnavailable, DataRefused
from app.services.errors import Overloaded, Refusal

_KIND_OF_STATUS: Final[dict[int, type[Refusal]]] = {
    404: edge_errors.NotFound,
    405: edge_errors.MethodNotAllowed,
    413: edge_errors.BodyTooLarge,
}

_log = logging.getLogger(__name__)


def add_handlers(app: FastAPI) -> None:
    """Make every error a problem."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    unknown = _told_rarely("the outcome of a commit is unknown", edge_errors.OutcomeUnknown)
    unavailable = _told_rarely("the database cannot be used", edge_errors.ServiceUnavailable)
    app.add_exception_handler(CommitUnknown, unknown)
    app.add_exception_handler(DatabaseUnavailable, unavailable)
    app.add_exception_handler(DatabaseBusy, unavailable)
    app.add_exception_handler(DataRefused, _data_refused)
    app.add_exception_handler(ThreadsBusy, _overloaded)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - for the type; the handler is registered for nothing else
    return answer(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return answer(request, edge_errors.ValidationFailed(), places=[_place(item) for item in error.errors()])


def _place(item: dict[str, Any]) -> InvalidPlace:
    where, *path = (str(part).replace("~", "~0").replace("/", "~1") for part in item["loc"])
    detail = str(item["msg"]).removeprefix("Value error, ")
    return InvalidPlace(
        place=f"{where}#/{'/'.join(path)}" if where == "body" else f"{where} {'.'.join(path)}", detail=detail
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    kind = _KIND_OF_STATUS.get(error.status_code, edge_errors.BadRequest)
    headers = dict(error.headers or {})
    if kind is edge_errors.MethodNotAllowed:
        headers["Allow"] = ", ".join(sorted(methods_at(request))) or headers.get("Allow", "")
    return answer(request, kind(), headers=headers)


def _told_rarely(message: str, kind: type[Refusal]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """A handler for what befalls every request at once."""
    warn = RareWarning(_log, message)

    async def handle(request: Request, error: Exception) -> Response:
        warn(error)
        return answer(request, kind())

    return handle


async def _overloaded(request: Request, _error: Exception) -> Response:
    return answer(request, Overloaded())


async def _data_refused(request: Request, error: Exception) -> Response:
    _log.warning("the database refused a value that the edge let through: %s", error)
    return answer(request, edge_errors.InvalidData())


async def _failed(request: Request, error: Exception) -> Response:
    """The outermost handler: what every answer gets elsewhere it has to get here."""
    known = incoming(request.scope, request.headers.get("X-Request-ID", ""))
    with telling(known.id):
        _log.error("an error of ours", exc_info=error)
    # uvicorn closes the connection after that: who is not told sends its next request in vain.
    response = answer(request, edge_errors.ServerError(), headers={"Connection": "close"})
    response.raw_headers += known.headers(request.scope, response.raw_headers)
    return response
