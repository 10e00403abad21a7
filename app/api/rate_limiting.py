"""Counts each request for the quota of its client, or of its address, and tells of it in the RateLimit headers."""

import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.admission import EXEMPT, network_of_caller
from app.api.problems import problem_response
from app.api.request_id import HEADERS_TO_ADD
from app.api.security_headers import Header
from app.core.deps import OUTCOME, Parts
from app.services.authentication import Credential
from app.services.errors import QuotaExceeded

if TYPE_CHECKING:
    from app.core.quotas import Key


class RateLimiting:
    """Stands behind the authentication, which tells whose request it is, and before the body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and not scope["path"].startswith(EXEMPT):
            refusal = use_quota(scope, scope["app"].state.parts)
            if refusal:
                await _answer(refusal, scope, receive, send)
                return
        await self._app(scope, receive, send)


def use_quota(scope: Scope, parts: Parts) -> QuotaExceeded | None:
    """Count a request, once, and add to its answer what is left; what refuses it when nothing was."""
    if HEADERS_TO_ADD in scope:
        return None
    outcome = scope.get(OUTCOME)
    credential = outcome if isinstance(outcome, Credential) else None
    told = take_quota(parts, credential, "" if credential else network_of_caller(scope))
    if isinstance(told, QuotaExceeded):
        return told
    scope[HEADERS_TO_ADD] = told
    return None


def take_quota(parts: Parts, credential: Credential | None, network: str) -> tuple[Header, ...] | QuotaExceeded:
    """Count a request for its client, or for the network that it comes from; the headers that tell what is left, or the refusal."""
    key: Key
    if credential:
        quota, key = parts.rate_limits.client, credential.caller.id
    else:
        quota, key = parts.rate_limits.address, network
    if quota is None:
        return ()
    now = time.monotonic()
    left = quota.take(key, now)
    if left < 0:
        return QuotaExceeded(quota.policy, retry_after=quota.seconds_until_more(key, now))
    more = 1 if quota.comes_back_every_second else quota.seconds_until_more(key, now)
    return (b"ratelimit-policy", quota.policy.told), (b"ratelimit", quota.policy.told_left(left, more))


async def _answer(refusal: QuotaExceeded, scope: Scope, receive: Receive, send: Send) -> None:
    headers = Headers(scope=scope)
    # The body that waits for a "100 Continue" may come or not: nobody could tell it from the next request.
    more = {"Connection": "close"} if "Expect" in headers else {}
    response = problem_response(refusal, accept_language=headers.get("Accept-Language"), headers=more)
    await response(scope, receive, send)
