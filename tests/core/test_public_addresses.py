"""Which addresses are public: those of the registries of IANA, and what hides one address in another."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.public_addresses import Address, is_public, unwrapped
from tests.properties import examples

# Wrapped as: mapped, NAT64, compatible (RFC 4291), 6to4, Teredo (which has the client's address inverted), ISATAP.
INNER: Final = int(IPv4Address("10.0.0.1"))
WRAPPED: Final = (
    IPv6Address(0xFFFF << 32 | INNER),
    IPv6Address(int(IPv6Address("64:ff9b::")) | INNER),
    IPv6Address(INNER),
    IPv6Address(0x2002 << 112 | INNER << 80),
    IPv6Address(0x2001_0000 << 96 | 0xFFFF_FFFF ^ INNER),
    IPv6Address(int(IPv6Address("fe80::5efe:0:0")) | INNER),
)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.255.255.255", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255"),  # noqa: S104
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1"),
        *("168.63.129.16", "100.100.100.200", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::7f00:1", "100::1", "64:ff9b:1::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1"),
        *(
            "2001:db8::1",
            "2002::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fe80::1%1",
            "fec0::1",
        ),
        *("ff02::1", "ff0e::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "4000::1"),
        *map(str, WRAPPED),
    ],
)
def test_what_leads_into_a_network_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0"),
        *("223.255.255.255", "2001:200::1", "2400:cb00::1", "2606:4700::1111", "2a00::1", "3ffe::1"),
        *("::ffff:8.8.8.8", "64:ff9b::808:808"),
    ],
)
def test_what_is_everybodys_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
@examples(1000)
def test_nothing_is_public_that_python_knows_not_to_be(address: Address) -> None:
    meant = unwrapped(address)
    if meant.is_private or meant.is_multicast or meant.is_reserved or meant.is_link_local:
        assert not is_public(address)
