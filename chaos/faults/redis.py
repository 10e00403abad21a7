"""Rows 3 and 4: Redis dies, forgets, fills up and freezes. No caller may notice."""

import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from chaos.faults.fault import Expectation, Fault, Injection
from chaos.system import System

_STUTTER_SECONDS: Final = 2.0
_BETWEEN_SECONDS: Final = 0.3


def _killed(*, wiped: bool) -> Injection:
    @contextmanager
    def inject(system: System, _chance: random.Random) -> Iterator[None]:
        system.servers.valkey.kill()
        yield
        system.servers.restart_valkey(wiped=wiped)

    return inject


def _command(system: System, *words: str) -> None:
    """Send one command to Valkey itself, past all links."""
    url = urlsplit(system.servers.valkey.url)
    with socket.create_connection(("127.0.0.1", system.servers.valkey.port), timeout=5) as connection:
        for line in (["AUTH", url.password or ""], list(words)):
            connection.sendall(f"*{len(line)}\r\n".encode() + b"".join(_bulk(word) for word in line))
            answer = connection.recv(1024)
            if not answer.startswith(b"+OK"):
                raise RuntimeError(f"Valkey answered {answer!r} to {line[0]}")


def _bulk(word: str) -> bytes:
    data = word.encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


@contextmanager
def _flushed(system: System, _chance: random.Random) -> Iterator[None]:
    _command(system, "FLUSHALL")
    yield
    _command(system, "FLUSHALL")


@contextmanager
def _full(system: System, _chance: random.Random) -> Iterator[None]:
    _command(system, "CONFIG", "SET", "maxmemory", "1")
    yield
    _command(system, "CONFIG", "SET", "maxmemory", "0")


@contextmanager
def _frozen(system: System, _chance: random.Random) -> Iterator[None]:
    system.servers.send_to_valkey(signal.SIGSTOP)
    yield
    system.servers.send_to_valkey(signal.SIGCONT)


@contextmanager
def _stuttering(system: System, chance: random.Random) -> Iterator[None]:
    """What a disk does that takes two seconds for each fsync: nothing is served meanwhile."""
    for _ in range(chance.randint(2, 4)):
        system.servers.send_to_valkey(signal.SIGSTOP)
        time.sleep(_STUTTER_SECONDS)
        system.servers.send_to_valkey(signal.SIGCONT)
        time.sleep(_BETWEEN_SECONDS)
    yield


_REDIS: Final = frozenset({"redis"})
_UNNOTICED: Final = Expectation(undisturbed=True, p99=0.05)

FAULTS: Final = (
    Fault(
        "redis-killed", 3, "kill -9 of Valkey, back with its data", _killed(wiped=False), _REDIS, (1.0, 5.0), _UNNOTICED
    ),
    Fault(
        "redis-wipe", 3, "kill -9 of Valkey, back without its data", _killed(wiped=True), _REDIS, (1.0, 5.0), _UNNOTICED
    ),
    Fault("redis-flushall", 3, "FLUSHALL, twice", _flushed, _REDIS, (0.5, 2.0), _UNNOTICED),
    Fault("redis-full", 4, "maxmemory reached: nothing can be written", _full, _REDIS, (2.0, 6.0), _UNNOTICED),
    Fault("redis-frozen", 4, "SIGSTOP of Valkey, then SIGCONT", _frozen, _REDIS, (3.0, 30.0), _UNNOTICED),
    Fault(
        "redis-slow-disk",
        4,
        "Valkey serves nothing for 2 s, again and again",
        _stuttering,
        _REDIS,
        (0.0, 0.5),
        _UNNOTICED,
    ),
)
