"""The system under test: PostgreSQL, Valkey, two APIs, three workers, two senders of webhooks, each with links of its own to the others."""

import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg

from app.db.migrate import Migration, apply, migrate
from app.embedded.folder import free_port
from app.embedded.process import Process, spawn
from app.embedded.programs import is_ready
from app.embedded.supervisor import stop_together
from chaos import controls, failpoints
from chaos.blocking import blocking
from chaos.disasters.clock import Clock
from chaos.disasters.shim import can_build_shim
from chaos.names import PORT_VARIABLE
from chaos.network import Network
from chaos.outside import Outside
from chaos.servers import Equipment, Servers

APIS: Final = 2
WORKERS: Final = 3
SENDERS: Final = 2
_ROOT: Final = Path(__file__).parent.parent
_LADDER: Final = ((signal.SIGTERM, 15.0),)
_READY_WITHIN: Final = 60.0
_LOOK_AGAIN: Final = 0.02
_SCHEMA_ATTEMPTS: Final = 10
_IN_THE_WAY: Final = (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)
_RETRY_SECONDS: Final = ",".join(["0.2", "0.5", *["1"] * 500])


class Missed(Exception):
    """Something that was promised did not come about; the message says what."""


def until(what: str, condition: Callable[[], bool], *, seconds: float) -> float:
    """Wait until the condition holds, and return how long that took; raises Missed when it takes longer than `seconds`."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise Missed(f"waited {seconds:g} s in vain until {what}")
        time.sleep(_LOOK_AGAIN)
    return time.monotonic() - began


class Program:
    """One process of the product; it can be killed, frozen, stopped and started again."""

    def __init__(self, name: str, module: str, environment: Mapping[str, str], log: Path) -> None:
        self.name: Final = name
        self.environment: Final = dict(environment)
        self._module = module
        self._log = log
        self._process: Process | None = None

    def start(self) -> None:
        """Start it; does not wait until it is ready."""
        with self._log.open("ab") as log:
            popen = spawn(
                [sys.executable, "-m", "chaos.program", self._module],
                death_signal=signal.SIGKILL,
                environment=self.environment,
                output=log.fileno(),
                cwd=self._log.parent,
            )
        self._process = Process(popen, ladder=_LADDER)

    @property
    def started(self) -> bool:
        """Whether it ever was."""
        return self._process is not None

    @property
    def process(self) -> Process:
        """The running process."""
        assert self._process is not None
        return self._process

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.exit_code() is None

    @property
    def frozen(self) -> bool:
        """Whether SIGSTOP has stopped it."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(")")[2].split()[0] == "T"

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    def stop(self) -> int | None:
        """SIGTERM, and kill -9 when that is not obeyed; the exit code."""
        self.process.stop()
        return self.process.exit_code()

    @property
    def log(self) -> str:
        """What it has written, over all its starts."""
        return self._log.read_text(encoding="utf-8", errors="replace")


class System:
    """Everything that runs, and what a fault may do to it. Leaving the block stops it all.

    `notes` and `missed` are what a fault has to say of itself: figures, and promises that were not kept.
    """

    def __init__(
        self,
        folder: Path,
        *,
        control: str | None = None,
        equipment: Equipment | None = None,
    ) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._control = control
        # A clock of its own for each process, where there is a compiler to make it with.
        self.clocks: dict[str, Clock] = {}
        self.servers: Final = Servers(folder, equipment=equipment, environment=self._clock("postgres"))
        self.failpoints: Final = folder / "failpoints"
        self.network: Final = Network()
        self.outside: Final = Outside(folder)
        self.apis: list[Program] = []
        self.workers: list[Program] = []
        self.senders: list[Program] = []
        self.urls: tuple[str, ...] = ()
        self.notes: list[str] = []
        self.missed: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        self.failpoints.mkdir(parents=True)
        self._stack.enter_context(self.servers)
        blocking(migrate(self.servers.postgres.url))
        if self._control and (schema := controls.CONTROLS[self._control].schema):
            self.change_schema(schema)
        self._stack.enter_context(self.network)
        self._stack.enter_context(self.outside)
        for number in range(1, APIS + 1):
            self.apis.append(self._make(f"api-{number}", "app.main", {"PORT": str(free_port())}))
        for number in range(1, WORKERS + 1):
            self.workers.append(self._make(f"worker-{number}", "app.worker", {}))
        for number in range(1, SENDERS + 1):
            self.senders.append(self._make(f"sender-{number}", "app.webhook_worker", {}))
        self._stack.callback(lambda: stop_together([program.process for program in self.programs if program.started]))
        for program in self.programs:
            program.start()
        ports = [self.network.connect(f"clients>{api.name}", int(api.environment["PORT"])) for api in self.apis]
        self.urls = tuple(f"http://127.0.0.1:{port}" for port in ports)
        for api in self.apis:
            self.wait_until_ready(api)

    def _clock(self, name: str) -> dict[str, str]:
        """What gives the process called so a clock that can be moved."""
        if not can_build_shim():
            return {}
        self.clocks[name] = Clock(self._folder / "clocks" / name)
        return self.clocks[name].environment

    def _make(self, name: str, module: str, more: Mapping[str, str]) -> Program:
        postgres, redis = self.servers.postgres, self.servers.valkey
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(_ROOT),
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": _through(postgres.url, self.network.connect(f"{name}>postgres", postgres.port)),
            "REDIS_URL": _through(redis.url, self.network.connect(f"{name}>redis", redis.port)),
            "JWT_SECRET": "a-secret-of-the-chaos-run-0123456789",
            # The callers of a run press as hard as they can, all from one address: what is to be measured stands behind the quotas.
            "RATE_LIMIT_PER_CLIENT": "1000000000",
            "RATE_LIMIT_PER_ADDRESS": "1000000000",
            "WEBHOOK_SECRET_KEYS": "a-key-of-the-chaos-run-0123456789-abc",
            # Receivers are on loopback; and a minute is to see all that takes days.
            "WEBHOOK_DEVELOPMENT": "true",
            "WEBHOOK_RETRY_SECONDS": _RETRY_SECONDS,
            "WEBHOOK_LEASE_SECONDS": "12",
            PORT_VARIABLE: str(self.outside.names.port),
            "LOG_LEVEL": "WARNING",
            # Longer than the balancer of a rolling restart takes to notice.
            "API_DRAIN_SECONDS": "1",
            failpoints.FOLDER_VARIABLE: str(self.failpoints),
            **({controls.VARIABLE: self._control} if self._control else {}),
            **self._clock(name),
            **more,
        }
        return Program(name, module, environment, self._folder / f"{name}.log")

    @property
    def programs(self) -> list[Program]:
        """The product's own processes."""
        return [*self.apis, *self.workers, *self.senders]

    def wait_until_ready(self, api: Program, *, seconds: float = _READY_WITHIN) -> None:
        """Return when the API says that it is ready; raises Missed when it ends or is not ready in time."""

        def ready() -> bool:
            if not api.alive:
                raise Missed(f"{api.name} ended by itself:\n{api.log[-2000:]}")
            return is_ready("127.0.0.1", int(api.environment["PORT"]))

        until(f"{api.name} is ready", ready, seconds=seconds)

    def revive(self) -> None:
        """Start again what does not run, thaw what is frozen, pass on every link: whatever was done to it, the system is whole."""
        for point in self.failpoints.iterdir():
            failpoints.disarm(self.failpoints, point.name)
        self.network.heal()
        self.outside.heal()
        for clock in self.clocks.values():
            clock.reset()
        if self.servers.postgres.exit_code() is not None:
            self.servers.restart_postgres()
        if self.servers.valkey.exit_code() is not None:
            self.servers.restart_valkey()
        for program in self.programs:
            if not program.alive:
                program.start()
            elif program.frozen:
                program.send(signal.SIGCONT)

    def change_schema(self, sql: str) -> None:
        """Run statements on the database, all or none, past all links; again where work under way was in the way."""

        async def change(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
            for _ in range(_SCHEMA_ATTEMPTS):
                with suppress(*_IN_THE_WAY):
                    await connection.execute(sql)
                    return
            raise Missed(f"work under way was in the way of it {_SCHEMA_ATTEMPTS} times: {sql}")

        self._on_database(change)

    def migrate(self, migration: Migration) -> None:
        """Apply a migration as the product does."""
        self._on_database(lambda connection: apply(connection, migration))

    def _on_database(self, work: Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[object]]) -> None:
        async def connected() -> None:
            connection = await asyncpg.connect(self.servers.postgres.url)
            try:
                await work(connection)
            finally:
                await connection.close()

        blocking(connected())


def _through(url: str, port: int) -> str:
    """The same server, by way of a link."""
    before, _, after = url.rpartition(":")
    return f"{before}:{port}/{after.partition('/')[2]}"
