"""What needs no parser: one whole request with nothing out of the ordinary, wherever that stands."""

import time

import pytest

from app.api.plain_requests import plain_request

LINE = b"PATCH /api/v1/postings/ZP473124829BR/status HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
LENGTH = b"Content-Length: 2\r\n"


def test_a_whole_request_is_plain() -> None:
    fields = b"Content-type: application/json; charset=utf-8\r\nAUTHORIZATION: \t Bearer  x \r\nX-A:\r\nX-A:caf\xe9\r\n"
    asked = plain_request(LINE + HOST + fields + LENGTH + b"\r\n{}")
    assert asked
    assert (asked.method, asked.target, asked.body) == ("PATCH", "/api/v1/postings/ZP473124829BR/status", b"{}")
    assert asked.fields.named == {
        b"host": b"localhost",
        b"content-type": b"application/json; charset=utf-8",
        b"authorization": b"Bearer  x",
        b"x-a": b"caf\xe9",
        b"content-length": b"2",
    }
    assert (asked.fields.length, asked.fields.is_json, asked.fields.authorization) == (2, True, "Bearer  x")


def test_one_without_a_body_is_plain_too() -> None:
    asked = plain_request(b"GET /api/v1/postings?limit=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Keep-Alive\r\n\r\n")
    assert asked
    assert (asked.target, asked.body, asked.fields.length) == ("/api/v1/postings?limit=1", b"", None)
    assert (asked.fields.is_json, asked.fields.authorization, asked.fields.tell) == (False, "", False)


@pytest.mark.parametrize(
    "field",
    [
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Connection: keep-alive, upgrade",
        b"Expect: 100-continue",
        b"Upgrade: websocket",
        b"TE: trailers",
        b"content-length: 2",
        b"Host: elsewhere",
        b" folded",
        b"Name : x",
        b": x",
        b"X-A: \x01",
        b"X-A: \x00",
        b"X-A: \x7f",
        b"X-A: a\nb",
        b"X-A: a\rb",
        b"no colon",
    ],
)
def test_a_field_out_of_the_ordinary_is_seen_wherever_it_stands(field: bytes) -> None:
    for head in (HOST + field + b"\r\n" + LENGTH, HOST + LENGTH + field + b"\r\n", LENGTH + field + b"\r\n" + HOST):
        assert not plain_request(LINE + head + b"\r\n{}"), head


@pytest.mark.parametrize("name", [b"Authorization", b"Idempotency-Key", b"X-Request-ID", b"X-Forwarded-For"])
def test_what_somebody_looks_at_stands_there_once(name: bytes) -> None:
    field = name + b": x\r\n"
    assert plain_request(LINE + HOST + field + LENGTH + b"\r\n{}")
    assert not plain_request(LINE + HOST + field + LENGTH + field.lower() + b"\r\n{}")


@pytest.mark.parametrize("field", [b"Accept-Language: pt", b"X-Request-ID: 1", b"Origin: https://www.loja.com.br"])
def test_some_fields_tell_whom_to_answer_in_which_way(field: bytes) -> None:
    asked = plain_request(LINE + HOST + field + b"\r\n" + LENGTH + b"\r\n{}")
    assert asked
    assert asked.fields.tell


@pytest.mark.parametrize(
    "request_bytes",
    [
        LINE + HOST + LENGTH + b"\r\n{",
        LINE + HOST + LENGTH + b"\r\n{} ",
        LINE + HOST + b"Content-Length: two\r\n\r\n{}",
        LINE + HOST + b"Content-Length: +2\r\n\r\n{}",
        LINE + HOST + b"Content-Length: 2 2\r\n\r\n{}",
        LINE + HOST + b"\r\n",
        LINE + HOST + b"\r\n{}",
        LINE + HOST + LENGTH,
        LINE.replace(b"1.1", b"1.0") + HOST + LENGTH + b"\r\n{}",
        LINE.replace(b" HTTP", b"  HTTP") + HOST + LENGTH + b"\r\n{}",
        LINE.replace(b"ZP", b"Z\xc3") + HOST + LENGTH + b"\r\n{}",
        b"\r\n" + LINE + HOST + LENGTH + b"\r\n{}",
        b"HEAD /docs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\nGET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_not_one_whole_ordinary_request_is_not_plain(request_bytes: bytes) -> None:
    assert not plain_request(request_bytes)


@pytest.mark.parametrize("value", [b"x " * 900, b" " * 1_900, b"x\t \t" * 480, b"x" * 1_900])
def test_no_field_takes_long_to_be_looked_at(value: bytes) -> None:
    began = time.process_time()
    for number in range(100):
        assert not plain_request(b"GET / HTTP/1.1\r\nX-%d:" % number + value + b"\x01\r\n\r\n")
    assert time.process_time() - began < 1
