"""The one door to the outside: a webhook goes to a public address, over https, or not at all.

An address is judged when the socket for it is made, whatever name, notation, cache or redirect it came from: what is connected is what
was judged.
"""

import os
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from ipaddress import ip_address
from typing import Final
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from app.core.webhook_urls import NOT_PUBLIC, may_connect, refused_url

_TOTAL_SECONDS: Final = 10.0
_LOOKUP_SECONDS: Final = 2.0
_LOOKUP_TRIES: Final = 2
_MOST_OF_BODY: Final = 4096
# Below the 5 s after which the quickest of the usual servers hang up: a request never meets a connection that is being closed.
_KEPT_SECONDS: Final = 4.0
_MOST_KEPT: Final = 1000
_LONGEST_WAIT_SECONDS: Final = 86_400.0
# RFC 9110, section 15: from 100 on. What reads the answer takes any three digits.
_STATUSES: Final = range(100, 1000)
_NO_ANSWER: Final = "what came is not an answer of HTTP"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt, which took `duration` seconds.

    `status` is None when no answer came, and then `failure` is the reason, in words for the endpoint's owner. `retry_after` is the wait in
    seconds, of at most a day, that the answer asks for. `body_start` has at most 4 096 bytes.
    """

    status: int | None
    duration: float
    body_start: bytes = b""
    retry_after: float | None = None
    failure: str | None = None


class _AddressRefused(OSError):
    """The address is not one that a webhook may go to."""

    def __init__(self) -> None:
        super().__init__(NOT_PUBLIC)


class WebhookClient:
    """Posts webhooks: see open_webhook_client."""

    def __init__(self, *, development: bool, resolver: AbstractResolver) -> None:
        self._development = development
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=resolver,
                use_dns_cache=False,  # the resolver has one, which keeps a name for as long as the name's owner says
                socket_factory=self._open_socket,
                ssl=ssl.create_default_context(),
                # Whoever posts bounds that, in all and for each endpoint. Not for a host, on which endpoints of many may be: they would
                # wait for each other.
                limit=0,
                keepalive_timeout=_KEPT_SECONDS,
            ),
            timeout=aiohttp.ClientTimeout(total=_TOTAL_SECONDS, ceil_threshold=_TOTAL_SECONDS + 1),
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"Postagens/{version('postagens')}",
                "Accept-Encoding": "identity",
            },
            trust_env=False,  # a proxy of the environment would connect for us, without our judgement
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=_MOST_OF_BODY,
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post this JSON once, with these headers, within 10 s; nothing that a receiver does raises an exception.

        A redirect is an answer like any other. Of an answer's body no more than its start is read.
        """
        if reason := refused_url(url, development=self._development):
            return Answer(None, 0.0, failure=reason)
        if len(self._sockets) >= _MOST_KEPT:
            headers = {**headers, "Connection": "close"}
        began = time.monotonic()
        try:
            async with self._session.post(URL(url), headers=headers, data=body, allow_redirects=False) as response:
                if response.status in _STATUSES:
                    start = await _start_of(response)
                    wait = _read_retry_after(response.headers.get("Retry-After", ""))
                    return Answer(response.status, time.monotonic() - began, start, wait)
                failure = _NO_ANSWER
        except TimeoutError:
            failure = f"no answer within {_TOTAL_SECONDS:g} s"
        except (aiohttp.ClientError, OSError) as error:
            failure = _tell(error)
        return Answer(None, time.monotonic() - began, failure=failure)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The socket for a connection to exactly this address; raises _AddressRefused."""
        family, kind, protocol, _, where = info
        if not may_connect(ip_address(where[0]), development=self._development):
            raise _AddressRefused
        opened = socket.socket(family, kind, protocol)
        self._sockets.add(opened)
        return opened


@asynccontextmanager
async def open_webhook_client(
    *, development: bool, resolver: AbstractResolver | None = None
) -> AsyncIterator[WebhookClient]:
    """Yield a client; with `development`, it also goes to this machine's loopback, and over http.

    Names are looked up without threads, so that a name server which does not answer keeps nobody else waiting.
    """
    resolver = resolver or aiohttp.AsyncResolver(timeout=_LOOKUP_SECONDS, tries=_LOOKUP_TRIES)
    client = WebhookClient(development=development, resolver=resolver)
    try:
        yield client
    finally:
        await client.close()
        await resolver.close()


async def _start_of(response: aiohttp.ClientResponse) -> bytes:
    """The start of the body; the rest is not waited for, and neither is what does not come in time: there is a status already."""
    start = b""
    with suppress(aiohttp.ClientError, OSError):
        while len(start) < _MOST_OF_BODY and (chunk := await response.content.read(_MOST_OF_BODY - len(start))):
            start += chunk
    return start


def _read_retry_after(text: str) -> float | None:
    """The seconds of a Retry-After (RFC 9110, section 10.2.3), which may be a date; None when it is neither."""
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        seconds = float(text)
    else:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)


def _tell(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name of the host was not found"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {_tell_no_connection(error.os_error)}"
    if isinstance(error, aiohttp.ServerDisconnectedError | OSError):
        return "the connection was closed without an answer"
    return _NO_ANSWER


def _tell_no_connection(error: OSError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not right: {error.verify_message}"
        case ssl.SSLError():
            return "TLS could not be agreed on"
        case _:
            return os.strerror(error.errno) if error.errno else str(error)
