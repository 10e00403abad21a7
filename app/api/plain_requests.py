"""Requests that need no parser: bytes that are one whole request (RFC 9112) in which nothing is out of the ordinary.

Whatever is not plain may be quite in order: then the server's parser has to say so.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from app.api.body_guard import is_plain_json

_END: Final = b"\r\n\r\n"
_REQUEST_LINE: Final = re.compile(rb"(GET|PATCH|POST|PUT|DELETE) (/[!-~]*) HTTP/1\.1(?=\r\n)")
# Header fields, none folded, none without a name, none with a control character.
_FIELD: Final = rb"\r\n([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)"
_FIELDS: Final = re.compile(rb"(?:%s)+" % _FIELD)
_EACH_FIELD: Final = re.compile(_FIELD)
_LENGTH: Final = re.compile(rb"[0-9]{1,7}")
# What changes how the body or the connection is read, and what belongs to one of those.
_OUT_OF_THE_ORDINARY: Final = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"te", b"http2-settings", b"trailer"}
)
# What somebody may look at: twice is for nobody to interpret here.
_ONCE: Final = frozenset(
    {
        *(b"accept-language", b"authorization", b"connection", b"content-encoding", b"content-length", b"content-type"),
        *(b"host", b"idempotency-key", b"origin", b"x-forwarded-for", b"x-request-id"),
    }
)
# Who is answered, in which language, and what may read it.
_TELLING: Final = frozenset({b"accept-language", b"origin", b"x-request-id"})
_BODILESS: Final = ("GET", "DELETE")
# A client sends nearly the same fields each time: what they say is kept for so many, each no longer than this.
_KEPT: Final = 1_024
_LONGEST: Final = 2_048


@dataclass(frozen=True, slots=True)
class Fields:
    """The header fields of a plain request: what they say by their names in small letters, each of those that matter once."""

    named: dict[bytes, bytes]
    length: int | None
    """That of the body; None where nothing is said about it."""
    is_json: bool
    """Whether the body says that it is JSON as it stands."""
    authorization: str
    """The Authorization, or nothing."""
    tell: bool
    """Whether they tell whom to answer in which way."""


class PlainRequest(NamedTuple):
    """One whole request; `target` is its path as it came, with its query if it has one."""

    method: str
    target: str
    fields: Fields
    body: bytes


def plain_request(data: bytes) -> PlainRequest | None:
    """The request that these bytes are; None where they are not exactly one, with its whole body, on a connection that goes on."""
    line = _REQUEST_LINE.match(data)
    if line is None:
        return None
    begin = line.end()
    end = data.find(_END, begin, begin + _LONGEST)
    if end < 0 or (fields := _fields(data[begin:end])) is None:
        return None
    body = data[end + 4 :]
    method = line[1].decode()
    if fields.length is None:
        if body or method not in _BODILESS:
            return None
    elif len(body) != fields.length:
        return None
    return PlainRequest(method, line[2].decode(), fields, body)


@lru_cache(_KEPT)
def _fields(lines: bytes) -> Fields | None:
    """What the lines say; None where one is not plain."""
    if not _FIELDS.fullmatch(lines):
        return None
    named: dict[bytes, bytes] = {}
    for written, value in _EACH_FIELD.findall(lines):
        name = written.lower()
        if name in _OUT_OF_THE_ORDINARY or (name in named and name in _ONCE):
            return None
        named[name] = value.strip(b" \t")
    length = named.get(b"content-length", b"0")
    if named.get(b"connection", b"keep-alive").lower() != b"keep-alive" or not _LENGTH.fullmatch(length):
        return None
    return Fields(
        named,
        length=int(length) if b"content-length" in named else None,
        is_json=is_plain_json(named),
        authorization=named.get(b"authorization", b"").decode("latin-1"),
        tell=not _TELLING.isdisjoint(named),
    )
