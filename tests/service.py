"""The service under test: real processes on a database and a Valkey of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from app.embedded.folder import free_port
from tests.shop import PASSWORD
from tests.until import until

JWT_SECRET: Final = "a-secret-for-the-tests-0123456789-xyz"
PUBLIC_URL: Final = "https://rastreio.lojaazul.com.br"
# All tests come from one address, and many ask for wrong things on purpose; the tests of the limits set their own.
_NO_LIMITS: Final = {
    "RATE_LIMIT_PER_CLIENT": "1000000000",
    "RATE_LIMIT_PER_ADDRESS": "1000000000",
    "FAILED_SIGN_INS_PER_ACCOUNT_AND_ADDRESS": "0",
    "FAILED_SIGN_INS_PER_ADDRESS": "0",
    "FAILED_SIGN_INS_PER_ACCOUNT": "0",
}
_STOP_SECONDS: Final = 20


class Process:
    """One process of the service."""

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """kill -9."""
        self._popen.kill()
        self._popen.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._popen.send_signal(number)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self._popen.terminate()
        try:
            return self._popen.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the process did not stop within {_STOP_SECONDS} s:\n{self.log}") from None

    @property
    def pid(self) -> int:
        """Its number."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._popen.poll() is None

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text(encoding="utf-8")


class Service:
    """An API and workers on one database and one Valkey."""

    def __init__(self, folder: Path, *, database_url: str, redis_url: str, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self.environment: Final = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "JWT_SECRET": JWT_SECRET,
            "PUBLIC_URL": PUBLIC_URL,
            **_NO_LIMITS,
            **settings,
        }
        self._started: list[Process] = []
        self._workers: list[Process] = []
        self._api: Process | None = None
        self._port = 0
        self.url = ""

    async def start_api(self) -> None:
        """Start the API, on a free port the first time and on the same port again, and wait until it is ready."""
        self._port = self._port or free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        process = self._api = self._start("app.main", {"PORT": str(self._port)})

        async def ready() -> bool:
            assert process.alive, process.log
            try:
                async with aiohttp.ClientSession() as session, session.get(f"{self.url}/health/ready") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await until("the API is ready", ready, timeout=30)

    async def replace_api(self) -> None:
        """kill -9 of the API, and another in its place."""
        assert self._api is not None
        self._api.kill()
        await self.start_api()

    def start_worker(self) -> Process:
        """Start one more worker."""
        worker = self._start("app.worker", {})
        self._workers.append(worker)
        return worker

    def kill_a_worker(self) -> None:
        """kill -9 of the worker that has run for longest."""
        self._workers.pop(0).kill()

    def _start(self, module: str, more: Mapping[str, str]) -> Process:
        log = self._folder / f"{module}-{len(self._started)}.log"
        process = Process(module, {**self.environment, **more}, log)
        self._started.append(process)
        return process

    def stop(self) -> None:
        """Stop what still runs; nothing may have crashed by itself or have written an error."""
        running = [process for process in self._started if process.alive]
        for process in running:
            process.send(signal.SIGTERM)
        for process in running:
            process.stop()

    @property
    def log(self) -> str:
        """What all processes have written."""
        return "".join(process.log for process in self._started)


@asynccontextmanager
async def running_service(
    folder: Path, *, database_url: str, redis_url: str, workers: int = 1, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """Yield the service, ready to be used."""
    service = Service(folder, database_url=database_url, redis_url=redis_url, settings=settings or {})
    try:
        await service.start_api()
        for _ in range(workers):
            service.start_worker()
        yield service
    finally:
        service.stop()


async def create_operator(service: Service, email: str) -> None:
    """Make an operator as the README says: by the command, with the password in the environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "create-operator", "--email", email, "--name", "Operador"),
        env={**os.environ, **service.environment, "OPERATOR_PASSWORD": PASSWORD},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
