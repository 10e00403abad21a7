"""A name server whose answers can change, and the product's resolver led to it: from outside, by chaos.program."""

import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from ipaddress import IPv6Address, ip_address
from types import TracebackType
from typing import Final, Self

import aiohttp
import dns.message
import dns.rrset

PORT_VARIABLE: Final = "CHAOS_NAME_SERVER"
_LOOPBACK: Final = "127.0.0.1"
_LONGEST_QUESTION: Final = 4096


class NameServer:
    """Answers on UDP what `addresses` says now, to be kept for no time at all; `questions` counts. Leaving the block ends it."""

    def __init__(self, addresses: Mapping[str, list[str]] | None = None) -> None:
        self.addresses = dict(addresses or {})
        self.questions = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((_LOOPBACK, 0))
        self.port: Final[int] = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # it is not connected, and wakes whoever waits on it all the same
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while asked := self._socket.recvfrom(_LONGEST_QUESTION):
            question, sender = asked
            if not question:
                return
            self._socket.sendto(self._answer(question), sender)

    def _answer(self, question: bytes) -> bytes:
        asked = dns.message.from_wire(question)
        answer = dns.message.make_response(asked)
        self.questions += 1
        for each in asked.question:
            for address in self.addresses.get(each.name.to_text(omit_final_dot=True), ()):
                kind = "AAAA" if isinstance(ip_address(address), IPv6Address) else "A"
                if each.rdtype.name == kind:
                    answer.answer.append(dns.rrset.from_text(each.name, 0, "IN", kind, address))
        return answer.to_wire()


def install() -> None:
    """Have this process look names up there, where its environment names the port of a name server."""
    if port := os.environ.get(PORT_VARIABLE):
        resolver = partial(aiohttp.AsyncResolver, nameservers=[_LOOPBACK], udp_port=int(port))
        aiohttp.AsyncResolver = resolver  # type: ignore[misc, assignment]
