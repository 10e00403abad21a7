"""The product as it is measured over HTTP: an API, workers when they are wanted, and a client that may ask."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import asyncpg

from app.core.auth import AccessTokens
from app.embedded.folder import free_port
from app.embedded.process import Process
from app.models.scopes import scopes_of
from bench.ground import Ground, Place
from bench.load import UNIQUE, request
from bench.programs import ROOT, module, running, wait_until_answers

_CODES = 2_000


@dataclass(frozen=True, slots=True)
class Account:
    """The client of the filled database: its token, and some of its postings."""

    token: str
    tracking_codes: list[str]

    def scans(self, prefix: str = "/api/v1") -> list[str]:
        """A status update for each posting, with a description that differs each time."""
        body = {"status": "shipped", "description": f"scan {UNIQUE}"}
        return [
            request("PATCH", f"{prefix}/postings/{code}/status", body, token=self.token) for code in self.tracking_codes
        ]

    def reads(self, resource: str, prefix: str = "/api/v1") -> list[str]:
        """A read of each posting."""
        return [request("GET", f"{prefix}/{resource}/{code}", token=self.token) for code in self.tracking_codes]


async def account(place: Place, *, codes: int = _CODES) -> Account:
    """Sign in as the client, who has so many postings at hand."""
    connection = await asyncpg.connect(place.database_url)
    client = await connection.fetchval("SELECT id FROM clients")
    session, scopes = uuid4(), scopes_of("client")
    await connection.execute(
        """
        INSERT INTO sessions (id, client_id, scopes, token_hashes, expires_at)
        VALUES ($1, $2, $3, ARRAY[''::bytea], now() + interval '1 hour')
        """,
        *(session, client, scopes),
    )
    rows = await connection.fetch("SELECT tracking_code FROM postings ORDER BY id LIMIT $1", codes)
    await connection.close()
    tokens = AccessTokens(place.environment["JWT_SECRET"], lifetime=timedelta(hours=1))
    return Account(tokens.issue(session, client, "client", scopes), [row["tracking_code"] for row in rows])


@contextmanager
def serving(
    ground: Ground, place: Place, name: str, path: str, *arguments: str, cores: set[int] | None = None
) -> Iterator[tuple[int, Process]]:
    """Run a module that serves HTTP until the block ends; yield its port. What is measured is accepting, so the backlog has no bound."""
    port = free_port()
    log = ground.folder / f"{name}-{time.time_ns()}.log"
    # All connections come from one address, and no share of them is to bound what is measured.
    asked = {"PORT": str(port), "MAX_BACKLOG": "100000000", "TRUSTED_PROXIES": "127.0.0.1"}
    environment = {**place.environment, **asked, "PYTHONPATH": str(ROOT)}
    with running(
        module(name, *arguments, *([] if name == "app.main" else [str(port)])),
        log=log,
        environment=environment,
        cores=cores,
    ) as process:
        wait_until_answers(port, path, process, log)
        yield port, process


@contextmanager
def whole_service(ground: Ground, place: Place) -> Iterator[tuple[int, Process, Process]]:
    """An API and a worker on all cores; yield the port and both processes."""
    with ExitStack() as stack:
        port, api = stack.enter_context(serving(ground, place, "app.main", "/health/ready"))
        log = ground.folder / f"worker-{time.time_ns()}.log"
        worker = stack.enter_context(running(module("app.worker"), log=log, environment=place.environment))
        yield port, api, worker
