"""Looks at what a request was made with, once, before any route does: the lean and the ordinary ones find the same outcome."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.admission import authorization
from app.core.deps import OUTCOME, Parts
from app.services.authentication import Authenticator, Credential


class Authentication:
    """Refuses nothing: a route that needs no credential does not care for a wrong one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        header = authorization(scope["headers"]) if scope["type"] == "http" and OUTCOME not in scope else b""
        if header:
            parts: Parts = scope["app"].state.parts
            scope[OUTCOME] = await outcome_of(header, parts.authenticator)
        await self._app(scope, receive, send)


async def outcome_of(header: bytes, authenticator: Authenticator) -> Credential | Exception:
    """What an Authorization header was found to be: a credential, or what is raised where one is asked for."""
    try:
        return await authenticator.authenticate(header.decode("latin-1"))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told to whoever asks
        return error
