"""Links do to bytes what they are told, on real sockets."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from chaos.network import Blackhole, CutReply, Latency, Network, Reset

_LINK = "caller>echo"


@contextmanager
def echo() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that sends back what it gets, and what it got."""
    got: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(1024):
                    got.append(data)
                    connection.sendall(data)
            except OSError:
                return

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], got
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def server() -> Iterator[tuple[int, list[bytes]]]:
    with echo() as running:
        yield running


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as running:
        yield running


@pytest.fixture
def caller(network: Network, server: tuple[int, list[bytes]]) -> Iterator[socket.socket]:
    """A connection to the server, by way of the link."""
    with socket.create_connection(("127.0.0.1", network.connect(_LINK, server[0])), timeout=10) as connection:
        yield connection


def test_bytes_pass(caller: socket.socket) -> None:
    caller.sendall(b"hello")
    assert caller.recv(1024) == b"hello"


def test_an_end_passes_too(caller: socket.socket) -> None:
    caller.sendall(b"last")
    caller.shutdown(socket.SHUT_WR)
    assert caller.recv(1024) == b"last"
    assert caller.recv(1024) == b""


def test_a_blackhole_holds_everything_back_until_it_is_healed(
    network: Network, caller: socket.socket, server: tuple[int, list[bytes]]
) -> None:
    network.behave(_LINK, Blackhole())
    caller.sendall(b"into the dark")
    caller.settimeout(0.3)
    with pytest.raises(TimeoutError):
        caller.recv(1024)
    assert server[1] == []
    network.heal()
    caller.settimeout(10)
    assert caller.recv(1024) == b"into the dark"


def test_a_reset_ends_old_and_new_connections(network: Network, caller: socket.socket) -> None:
    caller.sendall(b"before")
    assert caller.recv(1024) == b"before"
    network.behave(_LINK, Reset())
    with pytest.raises(ConnectionResetError):
        caller.recv(1024)
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", network.links[_LINK].port), timeout=10) as another,
    ):
        another.recv(1024)
    network.heal()
    with socket.create_connection(("127.0.0.1", network.links[_LINK].port), timeout=10) as healed:
        healed.sendall(b"after")
        assert healed.recv(1024) == b"after"


def test_a_reset_of_what_one_side_has_left_already_ends_the_other(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = network.connect("caller>nobody", listener.getsockname()[1])
        for _ in range(20):
            caller = socket.create_connection(("127.0.0.1", port), timeout=10)
            server, _ = listener.accept()
            server.settimeout(10)
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.close()
            network.behave("caller>nobody", Reset())
            with server, suppress(ConnectionResetError):
                assert server.recv(1024) == b""
            network.heal()
    assert not caplog.records


def test_a_reply_is_cut_once_the_request_has_arrived(
    network: Network, caller: socket.socket, server: tuple[int, list[bytes]]
) -> None:
    network.behave(_LINK, CutReply(b"COMMIT"))
    caller.sendall(b"BEGIN")
    assert caller.recv(1024) == b"BEGIN"
    caller.sendall(b"COMMIT")
    with pytest.raises(ConnectionResetError):
        caller.recv(1024)
    assert server[1] == [b"BEGIN", b"COMMIT"]


def test_latency_delays_both_ways(network: Network, caller: socket.socket) -> None:
    network.behave(_LINK, Latency(0.1, 0.01))
    began = time.monotonic()
    caller.sendall(b"slow")
    assert caller.recv(1024) == b"slow"
    assert time.monotonic() - began >= 0.18
