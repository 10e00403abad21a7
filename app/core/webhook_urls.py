"""Where webhooks may go: what can be told of a URL before its name is looked up, and of the address that the name leads to. Pure."""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from yarl import URL

from app.core.public_addresses import Address, is_public, unwrapped

NOT_PUBLIC: Final = "the address of the host is not a public one"
"""Why no webhook goes there. Without the address: what a name means inside our network is nobody's business."""

_LONGEST_URL: Final = 2000
_PORTS_OF_OTHERS: Final = range(1024)  # of mail, shells, printers, ...
_HTTPS: Final = 443
_HTTP: Final = 80
# WHATWG URL, section 3.5, "ends in a number": what some resolver may take for an IPv4 address.
_ENDS_IN_A_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.(?!$)|$))+")
_UNUSUAL: Final = re.compile(r"[\x00-\x20\x7f\\]")


@lru_cache(maxsize=1_000)  # thousands of webhooks go to the same few
def refused_url(url: str, *, development: bool) -> str | None:
    """Why webhooks will never go to this URL, in a sentence; None when nothing is wrong but, perhaps, what its name leads to."""
    if len(url) > _LONGEST_URL:
        return f"the URL is longer than {_LONGEST_URL} characters"
    if _UNUSUAL.search(url):
        return "the URL has a space, a backslash or a control character"
    try:
        parsed = URL(url)
        host, port = parsed.raw_host or "", parsed.port
    except ValueError:
        return "it is not a URL"
    schemes, low_ports = (("https", "http"), (_HTTPS, _HTTP)) if development else (("https",), (_HTTPS,))
    rules = (
        (parsed.scheme in schemes, "the URL must begin with https://"),
        (host, "the URL has no host"),
        ("@" not in parsed.raw_authority, "the URL must not have a user or a password"),
        (port in low_ports or port not in _PORTS_OF_OTHERS, f"the port must be {_HTTPS}, or 1024 or higher"),
    )
    return next((reason for kept, reason in rules if not kept), None) or _refused_host(host, development=development)


def _refused_host(host: str, *, development: bool) -> str | None:
    try:
        address = ip_address(host)
    except ValueError:
        if _ENDS_IN_A_NUMBER.fullmatch(host):
            return "an IPv4 address has four decimal numbers with dots between them"
        if not _NAME.fullmatch(host) or not ("." in host or development):
            return "the host must be the full name of a machine, without a dot at its end"
        return None
    return None if may_connect(address, development=development) else NOT_PUBLIC


def may_connect(address: Address, *, development: bool) -> bool:
    """Whether webhooks may go to this address; with `development`, also to this machine's loopback."""
    return is_public(address) or (development and unwrapped(address).is_loopback)
