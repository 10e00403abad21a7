"""An answer that its client does not take holds no place among the requests under way: others are let in meanwhile."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.api.admission import Admission, AdmissionMiddleware
from app.api.admission_protocol import AdmissionProtocol
from app.api.backpressure import Backpressure
from app.api.connections import Connections
from tests.until import until

MOST: Final = 4
_CHUNK: Final = b"x" * 65_536
_CHUNKS: Final = 1_000


class Answers:
    """An application whose answers are large, and which knows how many of them it has begun and ended."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.begun += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(_CHUNKS):
            await send({"type": "http.response.body", "body": _CHUNK, "more_body": True})
        await send({"type": "http.response.body"})
        self.ended += 1


@pytest.fixture
def admission() -> Admission:
    return Admission(name="test", most=MOST, share_of_one=1, told="requests are turned away")


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
async def port(admission: Admission, answers: Answers) -> AsyncIterator[int]:
    """A server of this process."""
    closing = asyncio.Event()
    config = uvicorn.Config(
        AdmissionMiddleware(answers, admission),
        http=partial(  # type: ignore[arg-type]
            AdmissionProtocol,
            admission=admission,
            backpressure=Backpressure(admission, closing),
            connections=Connections(most=100, share_of_one=1, patience_seconds=600),
            closing=closing,
        ),
        lifespan="off",
        timeout_graceful_shutdown=1,
        log_config=None,
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listening]))

        async def started() -> bool:
            return server.started

        await until("the server has started", started)
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


async def test_an_answer_that_is_not_taken_holds_no_place(port: int, admission: Admission, answers: Answers) -> None:
    clients = []
    for _ in range(2 * MOST):
        client = socket.create_connection(("127.0.0.1", port))
        clients.append(client)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

        async def waits_for_its_reader() -> bool:
            return answers.begun == len(clients) and admission.room == MOST

        await until("the answer has begun, and there is room", waits_for_its_reader)
    assert answers.ended == 0
    for client in clients:
        client.close()
