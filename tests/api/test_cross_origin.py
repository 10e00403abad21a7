"""Pages of other origins read public tracking, also why there is no answer; they read nothing else."""

import asyncio
import json
from collections.abc import Mapping
from typing import Final

import pytest

from tests.shop import Shop

UNKNOWN: Final = "EE876543216CA"
MISTYPED: Final = "EE876543217CA"
ORIGIN: Final = {"Origin": "https://www.loja.com.br"}


EVERYBODY: Final = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Retry-After, X-Request-ID",
}


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """What is said to browsers of other origins."""
    return {name.lower(): value for name, value in headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("headers", [ORIGIN, {}], ids=["from a page", "from a program"])
async def test_tracking_is_for_every_origin_whatever_the_answer(shop: Shop, headers: dict[str, str]) -> None:
    code = (await shop.create_posting())["tracking_code"]
    for path, status in {
        f"/tracking/{code}": 200,
        f"/tracking/{code.lower()}": 200,
        f"/tracking?codes={code},{MISTYPED}": 200,
        f"/tracking/{UNKNOWN}": 404,
        f"/tracking/{MISTYPED}": 422,
        f"/tracking/{code}/nothing": 404,
        "/tracking": 422,
        f"/tracking?codes={','.join([UNKNOWN] * 2_000)}": 422,
        f"/tracking/{code}?colour=red": 422,
    }.items():
        answer = await shop.send("GET", path, headers=headers)
        assert (answer.status, told(answer.headers)) == (status, EVERYBODY), path


async def test_nothing_else_is_for_other_origins(shop: Shop) -> None:
    document = json.loads((await shop.send("GET", "//openapi.json")).body)
    code = (await shop.create_posting())["tracking_code"]
    paths = [
        "/",
        f"/rastreio/{code}",
        "/docs",
        "/openapi.json",
        "/api/v1/trackings",
        "/api/v1/trackingx/1",
        *document["paths"],
    ]
    asked = 0
    for path in paths:
        for method in ("GET", "POST", "PATCH", "DELETE", "OPTIONS"):
            if method == "GET" and path.startswith("/api/v1/tracking") and not path.startswith("/api/v1/trackingx"):
                continue
            answer = await shop.send(method, "/" + path.replace("{tracking_code}", code), headers=ORIGIN)
            assert told(answer.headers) == {}, (method, path)
            asked += 1
    assert asked > 50


async def test_a_page_that_wants_more_than_reading_is_not_permitted(shop: Shop) -> None:
    for method, header in (("GET", "authorization"), ("DELETE", "")):
        preflight = {**ORIGIN, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": header}
        answer = await shop.send("OPTIONS", f"/tracking/{UNKNOWN}", headers=preflight)
        assert (answer.status, told(answer.headers)) == (405, {})


async def test_a_page_reads_that_it_has_to_wait(visitor: Shop) -> None:
    # One waits for PostgreSQL in vain, and the other is turned away at the door.
    answers = await asyncio.gather(*(visitor.send("GET", f"/tracking/{UNKNOWN}", headers=ORIGIN) for _ in range(2)))
    assert sorted(answer.code for answer in answers) == ["service_unavailable", "too_many_requests"]
    for answer in answers:
        assert told(answer.headers) == EVERYBODY
        assert int(answer.headers["Retry-After"]) > 0
