"""What may be turned away without a parser: one whole request with nothing out of the ordinary, wherever that stands."""

import pytest

from app.api.plain_requests import is_plain_request

LINE = b"PATCH /api/v1/postings/ZP473124829BR/status HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
LENGTH = b"Content-Length: 2\r\n"


def test_a_whole_request_is_plain() -> None:
    assert is_plain_request(LINE + HOST + LENGTH + b"\r\n{}")
    assert is_plain_request(b"GET /api/v1/postings HTTP/1.1\r\nHost: localhost\r\n\r\n")


@pytest.mark.parametrize(
    "field",
    [
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Expect: 100-continue",
        b"Upgrade: websocket",
        b"Accept-Language: pt",
        b"X-Request-ID: 1",
        b"Origin: https://www.loja.com.br",
        b"content-length: 2",
        b" folded",
    ],
)
def test_a_field_out_of_the_ordinary_is_seen_wherever_it_stands(field: bytes) -> None:
    for head in (HOST + field + b"\r\n" + LENGTH, HOST + LENGTH + field + b"\r\n", LENGTH + field + b"\r\n" + HOST):
        assert not is_plain_request(LINE + head + b"\r\n{}"), head


@pytest.mark.parametrize(
    "request_bytes",
    [
        LINE + HOST + LENGTH + b"\r\n{",
        LINE + HOST + LENGTH + b"\r\n{} ",
        LINE + HOST + b"Content-Length: two\r\n\r\n{}",
        LINE + HOST + b"\r\n",
        LINE + HOST + LENGTH,
        LINE.replace(b"1.1", b"1.0") + HOST + LENGTH + b"\r\n{}",
        b"HEAD /docs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_not_one_whole_ordinary_request_is_not_plain(request_bytes: bytes) -> None:
    assert not is_plain_request(request_bytes)
