"""An answer that is written at once is the one that is sent as ASGI wants it, and connections go on as ever."""

import json
from collections.abc import AsyncIterator
from typing import Final

import pytest

from tests.api.raw import RawConnection
from tests.service import Service
from tests.shop import POSTING, Answer, Shop

CLOSE: Final = {"Connection": "close"}  # the last answer on a connection goes the ordinary way
VARYING: Final = {"Date", "Ratelimit", "Connection", "X-Request-Id", "Location"}


@pytest.fixture
async def connection(service: Service) -> AsyncIterator[RawConnection]:
    """One connection."""
    opened = await RawConnection.to(service)
    yield opened
    opened.close()


def _token(shop: Shop) -> str:
    return shop.headers["Authorization"].removeprefix("Bearer ")


def _same(answer: Answer) -> tuple[int, dict[str, str]]:
    """What does not differ from one answer to the next, of a connection that goes on or does not."""
    return answer.status, {name: value for name, value in answer.headers.items() if name not in VARYING}


async def test_it_is_the_same_answer(service: Service, connection: RawConnection, shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    # One that may be repeated, whether the first of them is decided by then or not.
    scan = {"status": "shipped", "description": "scan"}
    requests: list[tuple[str, str, bytes]] = [
        ("GET", f"/api/v1/postings/{code}", b""),
        ("GET", f"/api/v1/tracking/{code}", b""),
        ("PATCH", f"/api/v1/postings/{code}/status", json.dumps(scan).encode()),
        ("POST", "/api/v1/status-updates", json.dumps({"updates": [{"tracking_code": code, **scan}]}).encode()),
        ("POST", "/api/v1/postings/batch", json.dumps({"postings": [POSTING]}).encode()),
    ]
    for method, path, body in requests:
        for token in (_token(shop), "") if "/tracking/" in path else (_token(shop),):
            connection.write(method, path, token, body)
            last = await RawConnection.to(service)
            last.write(method, path, token, body, **CLOSE)
            first, second = await connection.answer(), await last.answer()
            assert (await last.closed(), "Connection" in first.headers) == (b"", False)
            last.close()
            assert _same(first) == _same(second)
            assert first.headers.keys() == second.headers.keys() - {"Connection"}
            assert len(first.headers["X-Request-Id"]) == 32
            if method == "GET":
                assert first.body == second.body
            else:
                assert first.json.keys() == second.json.keys()


async def test_requests_that_come_together_are_answered_in_their_order(connection: RawConnection, shop: Shop) -> None:
    codes = [(await shop.create_posting())["tracking_code"] for _ in range(3)]
    for _ in range(2):
        for code in codes:
            connection.ask(f"/api/v1/postings/{code}", _token(shop))
        connection.ask("/api/v1/postings/EE876543216CA", _token(shop))
        for code in codes:
            assert (await connection.answer()).json["tracking_code"] == code
        assert (await connection.answer()).status == 404


async def test_whoever_goes_away_before_the_answer_disturbs_nobody(service: Service, shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    for _ in range(20):
        gone = await RawConnection.to(service)
        gone.write("PATCH", f"/api/v1/postings/{code}/status", _token(shop), b'{"status":"shipped"}')
        gone.close()
    assert (await shop.send("GET", f"/postings/{code}")).status == 200
