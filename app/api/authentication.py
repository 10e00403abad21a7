"""Looks at what a request was made with, once, before any route does: the lean and the ordinary ones find the same outcome."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.admission import authorization
from app.core.deps import OUTCOME, Parts


class Authentication:
    """Refuses nothing: a route that needs no credential does not care for a wrong one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and (header := authorization(scope["headers"])):
            parts: Parts = scope["app"].state.parts
            try:
                scope[OUTCOME] = await parts.authenticator.authenticate(header.decode("latin-1"))
            except Exception as error:  # noqa: BLE001 - raised where the credential is asked for
                scope[OUTCOME] = error
        await self._app(scope, receive, send)
