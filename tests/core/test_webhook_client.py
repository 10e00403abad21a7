"""Posting webhooks: what is sent, what is made of an answer, and that no answer does any harm."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import pytest
import trustme
from aiohttp import web

from app.core import webhook_client
from app.core.webhook_client import WebhookClient, open_webhook_client
from tests.core.outside import LOOPBACK, accept, canary, receiver, talking
from tests.until import until

BODY: Final = b'{"type":"posting.created"}'
_MB: Final = 1_000_000


@pytest.fixture
async def client() -> AsyncIterator[WebhookClient]:
    """One that also goes to this machine."""
    async with open_webhook_client(development=True) as opened:
        yield opened


async def test_the_body_and_the_headers_arrive_as_they_are(client: WebhookClient) -> None:
    async with receiver() as told:
        answer = await client.post(f"http://{LOOPBACK}:{told.port}/hook?shop=1", {"webhook-id": "msg_1"}, BODY)
    assert (answer.status, answer.failure, answer.body_start, answer.retry_after) == (204, None, b"", None)
    assert 0 < answer.duration < 10
    (request,) = told.requests
    assert (request.method, request.path_qs, told.bodies) == ("POST", "/hook?shop=1", [BODY])
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("Postagens/")


async def test_a_cookie_is_not_kept(client: WebhookClient) -> None:
    async def set_cookie(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(headers={"Set-Cookie": "a=b"})

    async with receiver(set_cookie) as told:
        for _ in range(2):
            await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert ["Cookie" in request.headers for request in told.requests] == [False, False]


async def test_a_redirect_is_an_answer_and_not_followed(client: WebhookClient) -> None:
    async with canary() as bird:

        async def redirect(_: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"http://{LOOPBACK}:{bird.port}/"})

        async with receiver(redirect) as told:
            answer = await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert (answer.status, bird.connections) == (307, 0)


async def test_of_ten_megabytes_four_kilobytes_are_read(client: WebhookClient) -> None:
    sent = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (10 * _MB))
        while sent < 10 * _MB:
            writer.write(b"x" * 10_000)
            await writer.drain()
            sent += 10_000

    async with talking(talk) as told:
        answer = await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
        assert (answer.status, answer.body_start) == (200, b"x" * 4096)

        async def hung_up() -> bool:
            return told.open_connections == 0

        await until("the receiver is hung up on", hung_up)
    assert sent < 10 * _MB


async def test_nothing_is_unpacked(client: WebhookClient) -> None:
    packed = gzip.compress(b"0" * _MB)

    async def bomb(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with receiver(bomb) as told:
        answer = await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert answer.body_start == packed[:4096]
    assert told.requests[0].headers["Accept-Encoding"] == "identity"


async def _say(answer: bytes) -> tuple[int | None, str | None]:
    """Status and failure when a receiver says this and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(BODY)
        writer.write(answer)
        await writer.drain()

    async with open_webhook_client(development=True) as client, talking(talk) as told:
        got = await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
        return got.status, got.failure


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-", "the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "what came is not an answer of HTTP"),
        (b"HTTP/1.1 banana\r\n\r\n", "what came is not an answer of HTTP"),
        (b"HTTP/1.1 000 OK\r\n\r\n", "what came is not an answer of HTTP"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "what came is not an answer of HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 100_000 + b"\r\n\r\n", "what came is not an answer of HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "what came is not an answer of HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk", "what came is not an answer of HTTP"),
        (bytes(range(256)), "what came is not an answer of HTTP"),
    ],
)
async def test_what_is_no_answer_is_a_failure_in_a_sentence(answer: bytes, failure: str) -> None:
    assert await _say(answer) == (None, failure)


@pytest.mark.parametrize(
    "rest",
    [
        *(b"\r\n", b"Content-Length: 9\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n"),
        *(b"Content-Encoding: gzip\r\n\r\nnot gzip", b"Set-Cookie: \xff\xfe=;;\r\n\r\n", b"Retry-After: \xb2\r\n\r\n"),
    ],
)
async def test_a_status_is_an_answer_whatever_follows(rest: bytes) -> None:
    assert await _say(b"HTTP/1.1 200 OK\r\n" + rest) == (200, None)


async def test_nobody_there_is_a_failure_in_a_sentence(client: WebhookClient) -> None:
    async with canary() as gone:
        pass
    answer = await client.post(f"http://{LOOPBACK}:{gone.port}", {}, BODY)
    assert (answer.status, answer.failure) == (None, "no connection: Connection refused")


async def test_a_receiver_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_client, "_TOTAL_SECONDS", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with open_webhook_client(development=True) as client, talking(say_nothing) as told:
        answer = await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert (answer.status, answer.failure) == (None, "no answer within 0.2 s")
    assert 0.2 <= answer.duration < 5


async def test_a_body_that_never_ends_changes_nothing_about_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_client, "_TOTAL_SECONDS", 0.2)

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nA")
        await reader.read()

    async with open_webhook_client(development=True) as client, talking(trickle) as told:
        answer = await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert (answer.status, answer.body_start, answer.failure) == (200, b"A", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("120", 120), ("0", 0), ("999999999", 86_400), ("9" * 5000, None), ("-1", None), ("1.5", None)),
        *(("soon", None), ("٣", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 99 Oct 9999 99:99:99 GMT", None)),
        *(("Fri, 31 Dec 9999 23:59:59 GMT", 86_400), ("Wed, 21 Oct 2015 07:28:00", None)),
    ],
)
async def test_the_wait_that_is_asked_for(text: str, seconds: float | None, client: WebhookClient) -> None:
    async def later(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": text})

    async with receiver(later) as told:
        assert (await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)).retry_after == seconds


async def test_the_wait_may_be_a_date(client: WebhookClient) -> None:
    async def later(_: web.BaseRequest) -> web.StreamResponse:
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
        return web.Response(status=429, headers={"Retry-After": date})

    async with receiver(later) as told:
        answer = await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert answer.retry_after == pytest.approx(300, abs=30)


async def test_a_proxy_of_the_environment_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    async with canary() as proxy, receiver() as told:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://{LOOPBACK}:{proxy.port}")
        async with open_webhook_client(development=True) as client:
            answer = await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert (answer.status, proxy.connections) == (204, 0)


async def test_a_connection_is_used_again(client: WebhookClient) -> None:
    async with receiver() as told:
        for _ in range(3):
            await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert (len(told.requests), told.connections) == (3, 1)


async def test_however_many_wait_at_a_host_another_post_to_it_goes_at_once(client: WebhookClient) -> None:
    """Endpoints of many clients may be on one host."""
    opened = asyncio.Event()

    async def wait_at_some(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/slow":
            await opened.wait()
        return await accept(request)

    async with receiver(wait_at_some) as told, asyncio.TaskGroup() as posts:
        slow = [posts.create_task(client.post(f"http://{LOOPBACK}:{told.port}/slow", {}, BODY)) for _ in range(200)]

        async def all_wait() -> bool:
            return len(told.requests) == len(slow)

        try:
            await until("all wait", all_wait, timeout=8)
            answer = await client.post(f"http://{LOOPBACK}:{told.port}/quick", {}, BODY)
        finally:
            opened.set()
    assert {post.result().status for post in slow} == {answer.status} == {204}


async def test_with_many_connections_open_no_more_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_client, "_MOST_KEPT", 3)
    async with AsyncExitStack() as world:
        client = await world.enter_async_context(open_webhook_client(development=True))
        receivers = [await world.enter_async_context(receiver()) for _ in range(6)]
        for told in receivers * 2:
            await client.post(f"http://{LOOPBACK}:{told.port}", {}, BODY)
    assert [told.connections for told in receivers] == [1, 1, 1, 2, 2, 2]


# --- TLS ---


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


def _server_side(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_a_certificate_that_the_machine_trusts_is_trusted(authority: trustme.CA) -> None:
    async with (
        receiver(tls=_server_side(authority, "localhost")) as told,
        open_webhook_client(development=True) as client,
    ):
        answer = await client.post(f"https://localhost:{told.port}", {}, BODY)
    assert (answer.status, answer.failure) == (204, None)


async def test_a_certificate_of_another_name_or_authority_is_not(authority: trustme.CA) -> None:
    for context in (_server_side(authority, "other.example"), _server_side(trustme.CA(), "localhost")):
        async with receiver(tls=context) as told, open_webhook_client(development=True) as client:
            answer = await client.post(f"https://localhost:{told.port}", {}, BODY)
        assert answer.failure is not None
        assert answer.failure.startswith("no connection: the certificate is not right: ")
        assert told.requests == []


async def test_a_server_without_tls_is_told(client: WebhookClient) -> None:
    async with receiver() as told:
        answer = await client.post(f"https://localhost:{told.port}", {}, BODY)
    assert (answer.failure, told.requests) == ("no connection: TLS could not be agreed on", [])
