"""Tells whether bytes are one whole request that needs no parser to be turned away: nothing in it is out of the ordinary."""

import re
from typing import Final

# RFC 9112: a request line and header fields, none folded, none without a name.
_HEAD: Final = re.compile(rb"[A-Z]+ /[!-~]* HTTP/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)+\r\n")
# What says how long the body is, who is answered, in which language, and what comes after.
_TELLING: Final = re.compile(
    rb"\r\n(content-length:[ \t]*([0-9]{1,7})[ \t]*(?=\r)|content-length|transfer-encoding|connection|expect|upgrade|te:"
    rb"|x-request-id|accept-language|http2-settings)",
    re.IGNORECASE,
)
_BODILESS: Final = (b"GET ", b"DELETE ")


def is_plain_request(data: bytes) -> bool:
    """Whether this is exactly one HTTP/1.1 request, with its whole body, on a connection that goes on, with nothing to look up in it.

    A request that is not plain may be quite in order: then a parser has to say so.
    """
    head = _HEAD.match(data)
    if head is None or data.startswith(b"HEAD ") or data.find(b" /health/", 0, 16) > 0:
        return False
    told = _TELLING.findall(data, 0, head.end())
    if not told:
        return head.end() == len(data) and data.startswith(_BODILESS)
    return len(told) == 1 and told[0][1] != b"" and head.end() + int(told[0][1]) == len(data)
