"""Webhooks never reach into a network: not by notation, name, redirect or proxy, and not when a name changes its meaning."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.core.webhook_client import open_webhook_client
from app.core.webhook_urls import refused_url
from chaos.names import NameServer
from tests.core.outside import LOOPBACK, accept_and_hang_up, asking, canary, receiver
from tests.core.small_internet import SCENES, SHOP

_ROOT: Final = Path(__file__).parents[2]
_NOT_PUBLIC: Final = "the address of the host is not a public one"
_NO_CONNECTION: Final = f"no connection: {_NOT_PUBLIC}"
_UNSHARE: Final = ("unshare", "--user", "--map-root-user", "--net")

# --- what is refused when an endpoint is created ---


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://shop.example/hook", "the URL must begin with https://"),
        ("ftp://shop.example/hook", "the URL must begin with https://"),
        ("shop.example/hook", "the URL must begin with https://"),
        ("", "the URL must begin with https://"),
        ("https://", "the URL has no host"),
        ("https:///hook", "the URL has no host"),
        ("https://[::1/hook", "it is not a URL"),
        ("https://shop.example:99999/", "it is not a URL"),
        ("https://shop.example:many/", "it is not a URL"),
        ("https://user:password@shop.example/", "the URL must not have a user or a password"),
        ("https://shop.example@127.0.0.1/", "the URL must not have a user or a password"),
        ("https://shop.example\\@127.0.0.1/", "the URL has a space, a backslash or a control character"),
        ("https://shop.example/a b", "the URL has a space, a backslash or a control character"),
        ("https://shop.example/\r\nHost: a", "the URL has a space, a backslash or a control character"),
        ("https://shop.example/" + "a" * 2000, "the URL is longer than 2000 characters"),
        *((f"https://shop.example:{port}/", "the port must be 443, or 1024 or higher") for port in (0, 22, 25, 80, 1023)),
        *(
            (f"https://{host}/", "the host must be the full name of a machine, without a dot at its end")
            for host in ("localhost", "db", "shop.example.", "shop..example", "*.shop.example", "a" * 64 + ".example")
        ),
        *(
            (f"https://{host}/", "an IPv4 address has four decimal numbers with dots between them")
            for host in ("127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.0.0.256", "1.2.3.4.5", "a.0x")
        ),
        *(
            (f"https://{host}/", _NOT_PUBLIC)
            for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]")
        ),
        *(
            (f"https://{host}/", _NOT_PUBLIC)
            for host in ("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001::1]", "[fe80::1%25lo]", "127。0。0。1", "①②⑦.0.0.1")
        ),
    ],
)  # fmt: skip
def test_a_url_that_webhooks_never_go_to_is_told_why(url: str, reason: str) -> None:
    assert refused_url(url, development=False) == reason


@pytest.mark.parametrize(
    "url",
    [
        *("https://shop.example/hook", "HTTPS://Shop.Example:443/", "https://shop.example:8443/a?b=c%20d#e"),
        *("https://café.com.br/olá", "https://8.8.8.8/", "https://[2606:4700::1111]/", "https://a_b.shop.example/"),
    ],
)
def test_any_other_url_is_fine(url: str) -> None:
    assert refused_url(url, development=False) is None


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/", "http://127.0.0.1/", "https://[::1]:8443/", "http://shop.example/"]
)
def test_a_developer_may_use_this_machine_and_http(url: str) -> None:
    assert refused_url(url, development=True) is None
    assert refused_url(url, development=False) is not None


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fe80::1]", "0.0.0.0", "127.1"])  # noqa: S104 (read, not bound)
def test_a_developer_may_use_no_other_private_address(host: str) -> None:
    assert refused_url(f"http://{host}/", development=True) is not None


# --- what is refused when it is connected to ---


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0", "0.0.0.0", "[::]"),  # noqa: S104 (read, not bound)
        *("[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "localhost", "localhost.", "127.0.0.1.", "127。0。0。1"),
        *("shop.example@127.0.0.1", "127.0.0.1%00.shop.example", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_no_notation_leads_to_a_canary_on_loopback(host: str, scheme: str) -> None:
    async with canary() as bird, open_webhook_client(development=False) as client:
        answer = await client.post(f"{scheme}://{host}:{bird.port}/", {}, b"{}")
    assert answer.status is None
    assert answer.failure
    assert bird.connections == 0


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


@pytest.mark.parametrize(
    "addresses",
    [
        *(["127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["::1"], ["::ffff:127.0.0.1"], ["127.0.0.1", "::1"]),
        *(["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["0.0.0.0"], ["::"]),  # noqa: S104 (read, not bound)
        *(["10.0.0.1", "127.0.0.1"], ["169.254.169.254"], ["fe80::1"], ["fd00:ec2::254"]),
    ],
)  # fmt: skip
async def test_no_name_leads_to_a_canary_on_loopback(addresses: list[str], names: NameServer) -> None:
    names.addresses[SHOP] = addresses
    async with (
        canary() as bird,
        asking(names) as resolver,
        open_webhook_client(development=False, resolver=resolver) as client,
    ):
        answer = await client.post(f"https://{SHOP}:{bird.port}/", {}, b"{}")
    assert names.questions
    assert (answer.status, answer.failure) == (None, _NO_CONNECTION)
    assert bird.connections == 0


async def test_a_failure_does_not_tell_what_a_name_means_inside(names: NameServer) -> None:
    names.addresses["db.internal"] = ["10.20.30.40", "10.20.30.41", "fd00::1"]
    async with asking(names) as resolver, open_webhook_client(development=False, resolver=resolver) as client:
        answer = await client.post("https://db.internal:5432/", {}, b"{}")
    assert answer.failure == _NO_CONNECTION


async def test_a_name_that_nobody_has_is_told(names: NameServer) -> None:
    async with asking(names) as resolver, open_webhook_client(development=False, resolver=resolver) as client:
        answer = await client.post(f"https://{SHOP}/", {}, b"{}")
    assert answer.failure == "the name of the host was not found"


async def test_a_developers_name_that_changes_its_meaning_leads_nowhere_else(names: NameServer) -> None:
    names.addresses[SHOP] = [LOOPBACK]
    async with asking(names) as resolver, open_webhook_client(development=True, resolver=resolver) as client:
        async with receiver(accept_and_hang_up) as told:
            assert (await client.post(f"http://{SHOP}:{told.port}/", {}, b"{}")).status == 204
        names.addresses[SHOP] = ["10.0.0.1", "169.254.169.254"]
        answer = await client.post(f"http://{SHOP}:{told.port}/", {}, b"{}")
    assert answer.failure == _NO_CONNECTION


# --- with a public address, in a network of its own ---


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What happened in a small internet."""
    if subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a public address needs a network namespace, which this machine does not give")
    done = subprocess.run(
        [*_UNSHARE, sys.executable, "-m", "tests.core.small_internet"],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told.keys() == SCENES.keys()
    return told


def test_a_public_address_is_reached(seen: dict[str, Any]) -> None:
    assert seen["a public address"] == {"answers": [204], "shop": 1, "canary": 0}


def test_an_answer_of_dns_that_changes_to_loopback_reaches_nothing(seen: dict[str, Any]) -> None:
    assert seen["an answer that changes"] == {"answers": [204, _NO_CONNECTION, 204], "shop": 2, "canary": 0}


def test_of_many_addresses_only_the_public_ones_are_tried(seen: dict[str, Any]) -> None:
    assert seen["both at once"] == {"answers": [204] * 5, "shop": 5, "canary": 0}


def test_a_public_address_may_be_written_as_one_of_ipv6(seen: dict[str, Any]) -> None:
    assert seen["another notation"] == {"answers": [204], "shop": 1, "canary": 0}
