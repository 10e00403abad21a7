"""Row 14: hundreds of connections that say nothing, half a request or half a body, and answers that nobody reads."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from app.core.open_files import allow_open_files
from chaos.faults.fault import Expectation, Fault, Injection
from chaos.gauges import open_files
from chaos.system import System, until

_MANY: Final = 500
# What an API has open besides, for connections that come and go.
_OTHERS: Final = 32
# The kernel keeps nearly 3 MB of what nobody reads, for each connection.
_READERS: Final = 60
_CLOSED_WITHIN: Final = 15.0
# The kernels may take another part of an answer without its reader: the clock then begins anew, once.
_CUT_OFF_WITHIN: Final = 25.0
_DRIP_SECONDS: Final = 1.0
_HEAD: Final = "POST /api/v1/status-updates HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {name}\r\n"
_BODY: Final = _HEAD + 'Content-Length: 10000\r\n\r\n{{"updates": ['
_FILES: Final = (
    "GET /static/swagger/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {name}\r\n\r\n" * 3
)


class _Crowd:
    """Connections to one port that have all said the same, each in its own name, and now and then say a little more."""

    def __init__(self, port: int, count: int, said: str, more: bytes) -> None:
        self._more = more
        self._stack = ExitStack()
        self._sockets = [self._stack.enter_context(socket.socket()) for _ in range(count)]
        for number, each in enumerate(self._sockets):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            each.connect(("127.0.0.1", port))
            each.setblocking(False)
            each.send(said.format(name=f"made-up-{number}").encode())
        self._over = threading.Event()
        self._dripping = threading.Thread(target=self._drip, daemon=True)
        self._dripping.start()

    def _drip(self) -> None:
        while not self._over.wait(_DRIP_SECONDS):
            for each in self._sockets if self._more else ():
                with suppress(OSError):  # it is closed, as it should be
                    each.send(self._more)

    def disperse(self) -> None:
        """Everybody goes."""
        self._over.set()
        self._dripping.join()
        self._stack.close()


def _crowded(count: int, said: str, more: bytes = b"", *, within: float = _CLOSED_WITHIN) -> Injection:
    """So many do this to one API: nobody else may notice, and all are closed in time."""

    @contextmanager
    def inject(system: System, _chance: random.Random) -> Iterator[None]:
        allow_open_files(4 * _MANY)
        api = system.apis[0]
        calm = open_files(api)
        began = time.monotonic()
        crowd = _Crowd(int(api.environment["PORT"]), count, said, more)
        try:
            until("the connections are open", lambda: open_files(api) > calm + count - _OTHERS, seconds=5)
            yield
            left = within - (time.monotonic() - began)
            until("the slow connections are closed", lambda: open_files(api) < calm + _OTHERS, seconds=left)
            system.notes.append(f"{count} slow connections were closed after {time.monotonic() - began:.1f} s")
        finally:
            crowd.disperse()

    return inject


_EXPECTED: Final = Expectation(undisturbed=True)


def _fault(name: str, what: str, inject: Injection) -> Fault:
    return Fault(name, 14, what, inject, frozenset({"api", "network"}), (5.0, 8.0), _EXPECTED, in_mix=False)


FAULTS: Final = (
    _fault("silent-connections", f"{_MANY} connections on which nothing is said", _crowded(_MANY, "")),
    _fault("slow-headers", f"{_MANY} heads of requests, a byte a second", _crowded(_MANY, _HEAD + "X-More: ", b"x")),
    _fault("slow-body", f"{_MANY} bodies, a byte a second, each in another name", _crowded(_MANY, _BODY, b" ")),
    _fault(
        "slow-reader",
        f"{_READERS} answers that nobody reads, each in another name",
        _crowded(_READERS, _FILES, within=_CUT_OFF_WITHIN),
    ),
)
