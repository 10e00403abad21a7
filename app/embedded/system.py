"""The parts of the product on one machine, in the order of their start: servers, schema, API and workers."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import asyncpg

from app.db.migrate import MigrationError, migrate
from app.embedded.connections import remove_connections, write_connections
from app.embedded.errors import EmbeddedError
from app.embedded.folder import free_port_from, is_free, keep_secret, open_folder
from app.embedded.postgres import start_postgres
from app.embedded.programs import start_program, wait_until_ready
from app.embedded.server import Server
from app.embedded.supervisor import Part, stop_together, supervise
from app.embedded.valkey import start_valkey
from app.embedded.wakeup import Wakeup

_API_PORT: Final = 8000
# Below the range of outgoing ports, where a connection of somebody's could have them.
_POSTGRES_PORT: Final = 15_432
_VALKEY_PORT: Final = 16_379
_READY_WITHIN: Final = 60.0
_SECRETS: Final = ("JWT_SECRET", "WEBHOOK_SECRET_KEYS")
_USED: Final = ("DATABASE_URL", "REDIS_URL", *_SECRETS, "HOST", "PORT", "PUBLIC_URL")


class System:
    """What is up, and what the next part needs to know of it."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        port: int | None,
        workers: int,
        wakeup: Wakeup,
        say: Callable[[str], None],
    ) -> None:
        self._folder = folder
        # Set but empty means not set, as in a .env file that was not filled in.
        unset = {name for name in _USED if not environment.get(name)}
        self._environment = {name: value for name, value in environment.items() if name not in unset}
        self._environment.setdefault("HOST", "127.0.0.1")
        self._asked_port = port if port is not None else _port(self._environment.pop("PORT", None))
        self._port = _API_PORT
        self._workers = workers
        self._wakeup = wakeup
        self._say = say
        self._servers: list[Part] = []
        self._programs: list[Part] = []

    def start(self) -> None:
        """Step by step; a request to stop is heard between the steps."""
        for step in (
            self._check_port,
            self._start_postgres,
            self._start_valkey,
            self._migrate,
            self._start_api,
            self._start_workers,
            self._tell_other_commands,
        ):
            if not self._wakeup.stopping:
                step()

    def keep_running(self) -> None:
        """Start again what ends, until somebody asks to stop."""
        supervise([*self._servers, *self._programs], self._wakeup, self._say)

    def stop(self) -> None:
        """First the API, then the workers, then Valkey, then PostgreSQL: nobody loses a server that they are using."""
        remove_connections(self._folder)
        for parts in (self._programs[:1], self._programs[1:], self._servers[1:], self._servers[:1]):
            stop_together([part.process for part in parts])

    def where_to_look(self, *, by_make: bool) -> str:
        """What a person wants to know when everything is up."""
        operator = "make operator EMAIL=you@example.com NAME='Your name'"
        if not by_make:
            operator = "postagens create-operator --email you@example.com --name 'Your name'"
        return f"""
Postagens is ready.

  Documentation   {self._url}/docs
  API             {self._url}/api/v1
  Tracking page   {self._url}/
  Logs            {_shown(self._folder / "logs")}
  First operator  {operator}

Ctrl-C stops everything; what is stored stays in {_shown(self._folder)}.
"""

    @property
    def _url(self) -> str:
        host = self._reachable_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    @property
    def _reachable_host(self) -> str:
        """A server that listens everywhere is asked on loopback."""
        host = self._environment["HOST"]
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (read, not bound)

    def _check_port(self) -> None:
        """A port that was asked for is taken or refused before anything else is started."""
        if self._asked_port is None:
            return
        # The API of a supervisor that was killed a moment ago may need this moment to be gone.
        give_up = time.monotonic() + 2
        while not is_free(self._asked_port, host=self._environment["HOST"]):
            if time.monotonic() > give_up:
                raise EmbeddedError(
                    f"Port {self._asked_port} is taken: choose another one, or none for the next that is free."
                )
            self._wakeup.wait(0.1)

    def _start_postgres(self) -> None:
        if "DATABASE_URL" not in self._environment:
            self._environment["DATABASE_URL"] = self._start_server("PostgreSQL", start_postgres, _POSTGRES_PORT)

    def _start_valkey(self) -> None:
        if "REDIS_URL" not in self._environment:
            self._environment["REDIS_URL"] = self._start_server("Valkey", start_valkey, _VALKEY_PORT)

    def _start_server(self, name: str, start: Callable[..., Server], preferred: int) -> str:
        folder = self._folder / name.replace("PostgreSQL", "postgres").lower()
        server = start(folder, preferred=preferred)
        log = _shown(folder / f"{name.lower()}.log")
        self._servers.append(Part(name, server, restart=lambda: start(folder, port=server.port), log=log))
        return server.url

    def _migrate(self) -> None:
        try:
            applied = asyncio.run(migrate(self._environment["DATABASE_URL"]))
        except (MigrationError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise EmbeddedError(f"The database could not be brought to this release: {error}") from error
        if applied:
            self._say(f"Applied {len(applied)} migration{'s' if len(applied) > 1 else ''}.")

    def _start_api(self) -> None:
        """Alone, and until it answers: whoever waits for it does not wait for the workers' loading, too."""
        self._port = self._asked_port or free_port_from(_API_PORT, host=self._environment["HOST"])
        for name in _SECRETS:
            if name not in self._environment:
                self._environment[name] = keep_secret(self._folder / name.lower(), length=48)
        self._environment["PORT"] = str(self._port)
        self._environment.setdefault("PUBLIC_URL", self._url)
        self._start_program("api", "app.main")
        wait_until_ready(
            self._programs[0], host=self._reachable_host, port=self._port, wakeup=self._wakeup, patience=_READY_WITHIN
        )

    def _start_workers(self) -> None:
        for number in range(1, self._workers + 1):
            self._start_program(f"worker-{number}", "app.worker")
        self._start_program("webhook-worker", "app.webhook_worker")

    def _start_program(self, name: str, module: str) -> None:
        log = _shown(open_folder(self._folder / "logs") / f"{name}.log")
        self._programs.append(start_program(name, module, log=log, environment=self._environment))

    def _tell_other_commands(self) -> None:
        names = ("DATABASE_URL", "REDIS_URL", *_SECRETS)
        write_connections(self._folder, {name: self._environment[name] for name in names} | {"API_URL": self._url})


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65_536:  # noqa: PLR2004 (as many ports as there are)
        raise EmbeddedError(f"PORT must be a number from 1 to 65535, and is {text!r}.")
    return int(text)


def _shown(path: Path) -> Path:
    """The shorter way to write it, for people and for opening it from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
