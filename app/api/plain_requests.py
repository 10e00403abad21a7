"""Tells whether bytes are one whole request that needs no parser to be turned away: nothing in it is out of the ordinary."""

import re
from functools import lru_cache
from typing import Final

_END: Final = b"\r\n\r\n"
# RFC 9112: a request line, and header fields, none folded, none without a name. Health is asked for at the door too.
_REQUEST_LINE: Final = re.compile(rb"(?!HEAD )[A-Z]+ (?!/health/)/[!-~]* HTTP/1\.1")
_FIELDS: Final = re.compile(rb"(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*)+")
# What says how long the body is, who is answered, in which language, what may read it, and what comes after.
_TELLING: Final = re.compile(
    rb"\r\n(content-length:[ \t]*([0-9]{1,7})[ \t]*(?=\r|\Z)|content-length|transfer-encoding|connection|expect|upgrade|te:"
    rb"|x-request-id|accept-language|origin|http2-settings)",
    re.IGNORECASE,
)
_BODILESS: Final = (b"GET ", b"DELETE ")
_UNSAID: Final = -1
# A client sends nearly the same fields each time: what they say is kept for so many, each no longer than this.
_KEPT: Final = 2_048
_LONGEST: Final = 2_048


def is_plain_request(data: bytes) -> bool:
    """Whether this is exactly one HTTP/1.1 request, with its whole body, on a connection that goes on, with nothing to look up in it.

    A request that is not plain may be quite in order: then a parser has to say so.
    """
    end = data.find(_END)
    line_end = data.find(b"\r\n")
    if not (0 < line_end < end <= line_end + _LONGEST) or not _REQUEST_LINE.fullmatch(data, 0, line_end):
        return False
    length = _body_length(data[line_end:end])
    if length is None:
        return False
    if length == _UNSAID:
        return end + len(_END) == len(data) and data.startswith(_BODILESS)
    return end + len(_END) + length == len(data)


@lru_cache(_KEPT)
def _body_length(fields: bytes) -> int | None:
    """The Content-Length, or that nothing is said about it; None where a field is not plain."""
    if not _FIELDS.fullmatch(fields):
        return None
    told = _TELLING.findall(fields)
    if not told:
        return _UNSAID
    return int(told[0][1]) if len(told) == 1 and told[0][1] else None
