"""Bad input, everywhere: each place of each operation that takes a value gets every bad value, and refuses it without storing anything."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import asyncpg
import pytest
from yarl import URL

from tests.api.bad_values import bad_headers, bad_json, bad_parameters, bad_path_segments
from tests.api.contract import DOCUMENT, OPERATIONS, Operation, Place, places
from tests.api.requests import BASES, FORM, JSON, Request, Sender, request_of
from tests.service import Service, create_operator
from tests.shop import Shop
from tests.until import until

_MB = 1024 * 1024
_BAD = {
    "path": bad_path_segments,
    "query": bad_parameters,
    "form": bad_parameters,
    "header": bad_headers,
    "body": bad_json,
}
PLACES = [place for operation in OPERATIONS.values() for place in places(operation, BASES[operation.name].body)]
TAKERS = [operation for operation in OPERATIONS.values() if operation.body is not None]


class Store:
    """What the service has stored."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", tables: list[str]) -> None:
        self._connection = connection
        # A row that is written, new or again, has the youngest transaction of its table; one that is deleted is counted no more.
        self._fingerprints = " UNION ALL ".join(
            f"SELECT '{table}' AS name, count(*) AS rows, max(xmin::text::bigint) AS youngest FROM {table}"  # noqa: S608
            for table in tables
        )

    async def fingerprint(self) -> list[tuple[str, int, int]]:
        """Something that changes with every change."""
        return [tuple(row) for row in await self._connection.fetch(f"{self._fingerprints} ORDER BY name")]

    async def is_settled(self) -> bool:
        """Whether the worker has nothing left to decide."""
        return not await self._connection.fetchval("SELECT count(*) FROM status_updates WHERE state = 'queued'")


@pytest.fixture(scope="module")
async def store(service: Service) -> AsyncIterator[Store]:
    connection = await asyncpg.connect(service.environment["DATABASE_URL"])
    rows = await connection.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
    )
    yield Store(connection, [row["table_name"] for row in rows])
    await connection.close()


@pytest.fixture(scope="module")
async def sender(service: Service) -> AsyncIterator[Sender]:
    """A client with a posting, another one, an operator, and a client that operators deal with."""
    async with (
        Shop(service.url) as shop,
        Shop(service.url) as another,
        Shop(service.url) as operator,
        Shop(service.url) as managed,
    ):
        await shop.register()
        await another.register()
        await managed.register()
        await create_operator(service, operator.email)
        await operator.sign_in()
        code = (await shop.create_posting())["tracking_code"]
        update = (await shop.update(code, "shipped")).json["id"]
        await shop.decided(update)
        keys = [await shop.create_api_key("postings:read") for _ in range(2)]
        named = {
            "CODE": code,
            "FINISHED": await shop.create_delivered_posting(),
            "UPDATE": update,
            "EMAIL": shop.email,
            "CLIENT": await managed.id(),
            "APIKEY": keys[0]["id"],
            "OLDKEY": keys[1]["id"],
            **await shop.create_webhooks(),
        }
        opened = Sender(service.url, client=shop.headers, operator=operator.headers, named=named, another=another)
        yield opened
        await opened.close()


async def refuses(sender: Sender, store: Store, requests: Mapping[str, Request]) -> None:
    """Every one of the requests is refused, and none of them changed anything."""
    await until("the worker is done with what tests asked for before", store.is_settled)
    before = await store.fingerprint()
    accepted = await sender.accepted(requests)
    assert not accepted, "\n".join([f"{len(accepted)} of {len(requests)}:", *accepted])
    assert await store.fingerprint() == before


async def test_the_running_service_has_this_document(anonymous: Shop) -> None:
    assert (await anonymous.send("GET", "//openapi.json")).json == json.loads(json.dumps(DOCUMENT))


def test_every_operation_has_a_request_that_is_right() -> None:
    assert OPERATIONS.keys() == BASES.keys()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_the_request_that_is_right_is_taken(sender: Sender, name: str) -> None:
    answer = await sender.send(request_of(OPERATIONS[name]))
    assert answer.status < 300, answer.body


@pytest.mark.parametrize("place", PLACES, ids=str)
async def test_a_place_refuses_every_value_that_the_document_does_not_allow_there(
    sender: Sender, store: Store, place: Place
) -> None:
    values = list(dict.fromkeys(_BAD[place.where](place.schema)))
    assert len(values) > 5
    await refuses(sender, store, {value: request_of(place.operation, place, value) for value in values})


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
async def test_an_operation_refuses_query_strings_that_it_does_not_know(
    sender: Sender, store: Store, operation: Operation
) -> None:
    base = request_of(operation)
    queries = ["colour=red", "%00=1", "colour", "=", "%zz", "a=%ff", "colour=%ED%A0%80"]
    for name, schema in operation.parameters("query"):
        if schema["type"] != "array":
            queries.append(f"{name}=1&{name}=1")
    await refuses(sender, store, {query: base.with_query(query) for query in queries})


def _as_text(operation: Operation) -> str:
    body = request_of(operation).body
    assert isinstance(body, bytes)
    return body.decode()


def _bodies(operation: Operation) -> dict[str, bytes]:
    """Bodies that are not what the operation takes as a whole."""
    right = _as_text(operation)
    if operation.body is not None and operation.body[0] == FORM:
        names = [pair.partition("=")[0] for pair in right.split("&")]
        return {
            "nothing": b"",
            "UTF-16": right.encode("utf-16"),
            "Latin-1": f"{right}é".encode("latin-1"),
            **{f"twice {name}": f"{right}&{name}=x".encode() for name in names},
        }
    return {
        "nothing": b"",
        "UTF-16": right.encode("utf-16"),
        "UTF-32": right.encode("utf-32"),
        "BOM": b"\xef\xbb\xbf" + right.encode(),
        "Latin-1": right.replace("{", '{"é": 1, ', 1).encode("latin-1"),
        "more behind": f"{right} {{}}".encode(),
        "cut": right[:-1].encode(),
        "deep": b"[" * 900 + b"]" * 900,
        "very deep": b"[" * 30_000 + b"]" * 30_000,
        **{f"unknown field {number}": body for number, body in enumerate(_in_every_object(right, '"colour": "red", '))},
        **{f"empty name {number}": body for number, body in enumerate(_in_every_object(right, '"": [], '))},
        **{f"NUL in a name {number}": body for number, body in enumerate(_in_every_object(right, r'"a\u0000": 1, '))},
        **{f"a name twice {number}": body for number, body in enumerate(_in_every_object(right, '"x": 1, "x": 1, '))},
    }


def _in_every_object(text: str, fields: str) -> list[bytes]:
    """The text as often as it has objects, with the fields in another one each time."""
    # Metadata take any name, so "colour" is fine there.
    starts = [
        at + 1
        for at, character in enumerate(text)
        if character == "{" and not ("colour" in fields and "metadata" in text[at - 12 : at])
    ]
    return [f"{text[:at]}{fields}{text[at:]}".encode() for at in starts]


@pytest.mark.parametrize("operation", TAKERS, ids=lambda operation: operation.name)
async def test_an_operation_refuses_bodies_that_are_not_what_it_takes(
    sender: Sender, store: Store, operation: Operation
) -> None:
    base = request_of(operation)
    requests = {name: Request(operation, base.address, body, base.headers) for name, body in _bodies(operation).items()}
    await refuses(sender, store, requests)


@pytest.mark.parametrize("operation", TAKERS, ids=lambda operation: operation.name)
async def test_an_operation_refuses_a_body_of_another_type(sender: Sender, store: Store, operation: Operation) -> None:
    base = request_of(operation)
    types = {"none": {}, **{
        name: {"Content-Type": name}
        for name in ("", "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonx", "*/*", JSON, FORM)
        if name != base.headers["Content-Type"]
    }, "compressed": {**base.headers, "Content-Encoding": "gzip"}}  # fmt: skip
    requests = {name: Request(operation, base.address, base.body, headers) for name, headers in types.items()}
    answers = await asyncio.gather(*map(sender.send, requests.values()))
    assert {answer.status for answer in answers} == {415}
    await refuses(sender, store, requests)


@pytest.mark.parametrize("operation", TAKERS, ids=lambda operation: operation.name)
async def test_an_operation_refuses_20_mb_while_they_arrive(
    service: Service, store: Store, operation: Operation
) -> None:
    base = request_of(operation)
    before = await store.fingerprint()
    for length in (f"Content-Length: {20 * _MB}", "Transfer-Encoding: chunked"):
        head = f"{operation.method.upper()} {base.address} HTTP/1.1\r\nHost: x\r\nContent-Type: {base.headers['Content-Type']}\r\n{length}"
        answer, sent = await _answer_while_sending(service, f"{head}\r\n\r\n".encode())
        assert b" 413 " in answer.partition(b"\r\n")[0]
        assert b"body_too_large" in answer
        assert sent < 20 * _MB
    assert await store.fingerprint() == before


async def _answer_while_sending(service: Service, head: bytes) -> tuple[bytes, int]:
    """What comes back while a body is sent, and how much of the body had been sent by then."""
    url = URL(service.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    # As chunked coding has it; of a body with a length it is 64 KB and a few bytes like any others.
    part = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent = 0
    writer.write(head)
    answer = asyncio.ensure_future(reader.readuntil(b"}"))
    try:
        while not answer.done() and sent < 20 * _MB:
            writer.write(part)
            with suppress(ConnectionError):  # it may be closed while this is written: the answer is there to be read
                await writer.drain()
            await asyncio.wait([answer], timeout=0.002)
            sent += len(part)
        return await answer, sent
    finally:
        writer.transport.abort()
