"""What every answer tells browsers and caches, whoever wrote it: a route, a page, the door, or the HTTP server."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Final

import pytest
from starlette.types import Message
from yarl import URL

from app.embedded.server import Server
from tests.api.asgi import make_app, request
from tests.api.contract import OPERATIONS
from tests.service import Service, running_service
from tests.shop import PASSWORD, POSTING, Shop

EVERYWHERE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",  # the tests' PUBLIC_URL is https
}
OF_DATA: Final = "default-src 'none'; frame-ancestors 'none'"


def check(headers: Mapping[str, str], *, policy: str = OF_DATA, caching: str | None = "no-store") -> None:
    """An answer says all of it, once."""
    told = {**EVERYWHERE, "Content-Security-Policy": policy, **({"Cache-Control": caching} if caching else {})}
    for name, value in told.items():
        assert [each for key, each in headers.items() if key.lower() == name.lower()] == [value], name
    assert caching or "Cache-Control" not in headers


async def test_every_operation_says_it_when_it_refuses(anonymous: Shop) -> None:
    for operation in OPERATIONS.values():
        path = "/" + re.sub(r"\{\w+\}", "nothing", operation.path)
        answer = await anonymous.send(operation.method.upper(), path + "?nothing=1")
        assert answer.status >= 400, operation.name
        check(answer.headers)


async def test_what_belongs_to_an_account_is_kept_by_no_cache(shop: Shop) -> None:
    posting = await shop.create_posting()
    code = posting["tracking_code"]
    asked = await shop.update(code, "shipped")
    form = {"grant_type": "password", "username": shop.email, "password": PASSWORD}
    another = {"name": "Loja", "email": f"another-{shop.email}", "password": PASSWORD}
    answers = [
        asked,
        await shop.send("POST", "/clients", another),
        await shop.send("POST", "/auth/token", data=form),
        await shop.send("GET", "/clients/me"),
        await shop.send("POST", "/postings/batch", {"postings": [POSTING]}),
        await shop.send("GET", "/postings"),
        await shop.send("GET", f"/postings/{code}"),
        await shop.send("GET", f"/postings/{code}/history"),
        await shop.send("GET", "/status-updates"),
        await shop.send("GET", f"/status-updates/{asked.json['id']}"),
    ]
    for answer in answers:
        assert answer.status < 300
        check(answer.headers)


async def test_what_is_for_everybody_may_be_kept(shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    for path in (f"/tracking/{code}", f"/tracking?codes={code}", "//problems", "//openapi.json", "//static/docs.js"):
        answer = await shop.send("GET", path)
        assert answer.status == 200
        check(answer.headers, caching=None)


async def test_a_page_has_a_policy_of_its_own(anonymous: Shop) -> None:
    for path in ("//", "//rastreio/EE876543216CA"):
        page = await anonymous.send("GET", path, headers={"Accept": "text/html"})
        policy = page.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        check(page.headers, policy=policy)


async def test_what_the_http_server_answers_by_itself_says_it_too(service: Service) -> None:
    url = URL(service.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"this is no HTTP\r\n\r\n")
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).decode().partition("\r\n\r\n")
    writer.close()
    status, *lines = head.split("\r\n")
    assert status == "HTTP/1.1 400 Bad Request"
    headers = {name.title(): value for name, value in (line.split(": ", 1) for line in lines)}
    check(headers)
    assert json.loads(body)["code"] == "bad_request"


async def test_an_error_of_ours_says_it_too(migrated_url: str, valkey: Server) -> None:
    app = make_app(migrated_url, valkey)

    @app.get("/breaks")
    async def get_broken() -> None:
        raise ZeroDivisionError

    answered: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def collect(message: Message) -> None:
        await asyncio.sleep(0)
        answered.append(message)

    async with app.router.lifespan_context(app):
        with pytest.raises(ZeroDivisionError):  # for the log of the server
            await app(request("GET", "/breaks", b"", {}), receive, collect)
    told = dict(answered[0]["headers"])
    assert answered[0]["status"] == 500
    assert told[b"content-security-policy"] == OF_DATA.encode()
    assert told[b"cache-control"] == b"no-store"


async def test_only_a_service_that_is_reached_by_https_promises_to_stay_so(
    database_url: str, valkey: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("http")
    async with (
        running_service(
            folder,
            database_url=database_url,
            redis_url=valkey.url,
            workers=0,
            settings={"PUBLIC_URL": "http://127.0.0.1:8000"},
        ) as plain,
        Shop(plain.url) as shop,
    ):
        headers = (await shop.send("GET", "//health/live")).headers
        assert "Strict-Transport-Security" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"
