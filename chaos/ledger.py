"""The ledger: what each client asked, what it was answered and what it saw, written line by line while it happens.

Times are seconds of CLOCK_MONOTONIC, which all processes of one machine share and no clock step moves.
"""

import dataclasses
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias, get_args

now = time.monotonic

NO_ANSWER: Final = 0
"""The status of an attempt that nobody answered."""


@dataclass(frozen=True, slots=True)
class Created:
    """One attempt to create the posting that `wish` is for; `tracking_code` when it was answered with 201."""

    wish: str
    sent: float
    answered: float
    status: int
    code: str | None = None
    tracking_code: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One attempt to ask for the status update `wish`: `update_id` when it was accepted, `code` when it was refused.

    A wish in a batch has an attempt of its own; its status is 202 when it was accepted, and 409 when it was refused at once.
    """

    wish: str
    tracking_code: str
    status_wished: str
    occurred_at: str | None
    city: str | None
    uf: str | None
    sent: float
    answered: float
    status: int
    code: str | None = None
    update_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeyReused:
    """Another update with the Idempotency-Key of an accepted one: it must be refused."""

    sent: float
    answered: float
    status: int
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader saw: of a posting its number of steps, of an update 1 when it was decided. It may never shrink."""

    what: str
    sent: float
    answered: float
    status: int
    progress: int


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A client has given this path of a receiver as an endpoint, before it had any posting, and got this secret."""

    path: str
    client: str
    secret: str


@dataclass(frozen=True, slots=True)
class Received:
    """One attempt to deliver a webhook, as it came to the path of a receiver, and the status that it got for an answer, in which mood."""

    path: str
    message_id: str
    timestamp: str
    signature: str
    body: str
    status: int
    at: float
    mood: str


@dataclass(frozen=True, slots=True)
class Fell:
    """A fault: when it was injected, when all was healed, and when a new update was accepted and decided again.

    `epoch` is what the machine's time of day was at second 0 of these times: that is what PostgreSQL writes.
    """

    fault: str
    began: float
    healed: float
    recovered: float
    epoch: float


@dataclass(frozen=True, slots=True)
class Stolen:
    """Between these moments the host of this machine gave much of the processors' time to others."""

    began: float
    ended: float


Entry: TypeAlias = Created | Asked | KeyReused | Seen | Subscribed | Received | Fell | Stolen
_KINDS: Final[dict[str, type[Entry]]] = {kind.__name__: kind for kind in get_args(Entry)}


class Ledger:
    """An append-only file; what was written stays when its writer is killed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def write(self, entry: Entry) -> None:
        """Add a line."""
        self._file.write(json.dumps([type(entry).__name__, *dataclasses.astuple(entry)]) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_ledgers(folder: Path) -> Iterator[Entry]:
    """Every line of every ledger in the folder."""
    for path in sorted(folder.glob("*.ledger")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                kind, *values = json.loads(line)
                yield _KINDS[kind](*values)
