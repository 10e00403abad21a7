"""Internet addresses, as far as they tell callers apart."""

from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

_KEPT: Final = 4_096
_LONGEST: Final = 64
# A subscriber has all the addresses of at least one such network (RFC 6177), and may take another with each request.
_PREFIX: Final = 64


@lru_cache(_KEPT)
def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address itself, and of an IPv6 address the /64 that it is in; other text as it is, if short."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_LONGEST]
    if isinstance(ip, IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((ip, _PREFIX), strict=False))
