"""The outside world of a chaos run: a receiver of webhooks that is always well, one to which everything happens, and a canary."""

import dataclasses
import json
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from app.embedded.folder import free_port
from app.embedded.process import Process, spawn
from chaos.names import NameServer
from chaos.receiver import WELL, Orders, met

ILL_NAME: Final = "ill.receiver.example"
LOOPBACK: Final = "127.0.0.1"
_ROOT: Final = Path(__file__).parent.parent
_LADDER: Final = ((signal.SIGTERM, 5.0),)
# It is ill even when it is said to be well.
_SHARE_OF_FAILURES: Final = 0.05


class Canary:
    """A server on loopback to which nobody may connect; `connections` counts who did."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port: Final[int] = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            self.connections += 1
            connection.close()


class _ReceiverProcess:
    def __init__(self, name: str, folder: Path, *, canary: int, share_of_failures: float) -> None:
        self._log = folder / f"{name}.log"
        self.mood: Final = folder / f"{name}.mood"
        self.mood.write_text(WELL, encoding="ascii")
        ledger = str(folder / f"{name}.ledger")
        self.orders: Final = Orders(free_port(), ledger, str(self.mood), canary, share_of_failures)
        self._process: Process | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            popen = spawn(
                [sys.executable, "-m", "chaos.receiver", json.dumps(dataclasses.asdict(self.orders))],
                death_signal=signal.SIGKILL,
                output=log.fileno(),
                cwd=_ROOT,
            )
        self._process = Process(popen, ladder=_LADDER)

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def stop(self) -> None:
        self.process.stop()


class Outside:
    """Both receivers, with the name that one of them has. Leaving the block stops them."""

    def __init__(self, folder: Path) -> None:
        self.names: Final = NameServer({ILL_NAME: [LOOPBACK]})
        self.canary: Final = Canary()
        self._well = _ReceiverProcess("receiver-well", folder, canary=self.canary.port, share_of_failures=0)
        self._ill = _ReceiverProcess(
            "receiver-ill", folder, canary=self.canary.port, share_of_failures=_SHARE_OF_FAILURES
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.names)
        for receiver in (self._well, self._ill):
            receiver.start()
            self._stack.callback(receiver.stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def endpoints(self, client: str) -> tuple[str, ...]:
        """The URLs that a client has its webhooks sent to."""
        well, ill = self._well.orders.port, self._ill.orders.port
        return f"http://{LOOPBACK}:{well}/well/{client}", f"http://{ILL_NAME}:{ill}/ill/{client}"

    def feel(self, mood: str) -> None:
        """From now on the one that is ill answers so."""
        met(self._ill.mood, mood).unlink(missing_ok=True)
        draft = self._ill.mood.with_suffix(".new")
        draft.write_text(mood, encoding="ascii")
        draft.rename(self._ill.mood)

    def has_answered(self, mood: str) -> bool:
        """Whether it has, since it feels so."""
        return met(self._ill.mood, mood).exists()

    def kill(self) -> None:
        """kill -9 of the one that is ill."""
        self._ill.process.kill()

    def heal(self) -> None:
        """It is well again, where its name says."""
        self.names.addresses[ILL_NAME] = [LOOPBACK]
        self.feel(WELL)
        if self._ill.process.exit_code() is not None:
            self._ill.start()
