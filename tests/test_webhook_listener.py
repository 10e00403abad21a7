"""`postagens webhooks listen`, as a process: what verifies is shown, what does not is told why."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from app.core.webhook_client import WebhookClient, open_webhook_client
from app.core.webhook_signing import new_secret, sign
from app.embedded.folder import free_port
from tests.core.outside import canary
from tests.test_cli import run

DATA: Final = {"tracking_code": "ZP473124829BR", "step": 2, "status": "shipped", "city": "São Paulo"}
BODY: Final = json.dumps({"type": "posting.status_changed", "data": DATA}).encode()


class Listening:
    """A listener that runs, and a client for it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, client: WebhookClient) -> None:
        self._process = process
        self._url = f"http://127.0.0.1:{port}/hook"
        self._client = client

    async def post(
        self,
        secret: str,
        *,
        at: datetime | None = None,
        body: bytes = BODY,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int | None, str]:
        """Post an event; the answer's status, and its text."""
        signed = sign([secret], "msg_1", at or datetime.now(UTC), body)
        answer = await self._client.post(self._url, {**signed, **(headers or {})}, body)
        return answer.status, answer.body_start.decode()

    async def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        return (await asyncio.wait_for(self._process.stdout.readline(), 20)).decode().rstrip("\n")

    async def data(self) -> Any:
        """The next JSON that it prints."""
        lines = [await self.line()]
        while lines[-1] not in ("}", "null"):
            lines.append(await self.line())
        return json.loads("\n".join(lines))

    async def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Its exit code after this signal, and the rest of what it printed."""
        self._process.send_signal(number)
        output, _ = await asyncio.wait_for(self._process.communicate(), 20)
        assert self._process.returncode is not None
        return self._process.returncode, output.decode()


@asynccontextmanager
async def listening(secrets: Sequence[str], *options: str) -> AsyncIterator[Listening]:
    """Yield a listener that is ready."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "webhooks", "listen", "--port", str(port), *options),
        env={**os.environ, "WEBHOOK_SECRET": " ".join(secrets)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with open_webhook_client(development=True) as client:
            listener = Listening(process, port, client)
            assert await listener.line() == f"Listening on http://127.0.0.1:{port} - Ctrl-C stops."
            yield listener
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_an_event_that_verifies_is_shown_and_answered() -> None:
    secret = new_secret()
    async with listening([secret]) as listener:
        assert await listener.post(secret) == (204, "")
        assert (await listener.line())[
            8:
        ] == "  received  posting.status_changed  ZP473124829BR  step 2  shipped  msg_1"
        assert await listener.data() == DATA
        assert await listener.post(secret) == (204, "")
        assert " again " in await listener.line()
        assert await listener.data() == DATA
        assert await listener.end() == (0, "Stopped: 1 received, 1 again, 0 refused.\n")


async def test_either_secret_verifies_during_a_rotation() -> None:
    old, new = new_secret(), new_secret()
    async with listening([old, new]) as listener:
        assert [(await listener.post(secret))[0] for secret in (old, new, new_secret())] == [204, 204, 401]


async def test_what_is_wrong_is_told_on_both_sides() -> None:
    secret = new_secret()
    now = datetime.now(UTC)
    async with listening([secret]) as listener:
        for answer, reason in (
            (await listener.post(new_secret()), "its signature does not match"),
            (await listener.post(secret, at=now - timedelta(minutes=6)), "it was signed more than five minutes ago"),
            (await listener.post(secret, at=now + timedelta(minutes=6)), "it was signed more than five minutes ahead"),
            (await listener.post(secret, headers={"webhook-id": ""}), "it has no webhook-id"),
            (
                await listener.post(secret, headers={"webhook-signature": "v1"}),
                "its headers or its body cannot be read",
            ),
            (
                await listener.post(secret, headers={"webhook-timestamp": "now"}),
                "its headers or its body cannot be read",
            ),
            (await listener.post(secret, body=b"[1]"), "its headers or its body cannot be read"),
            (await listener.post(secret, body=b"\xc3\xa9{"), "its headers or its body cannot be read"),
        ):
            status, text = answer
            assert status == 401
            assert text.startswith(reason)
            assert f"refused   {reason}" in await listener.line()
        assert await listener.end(signal.SIGTERM) == (0, "Stopped: 0 received, 0 again, 8 refused.\n")


async def test_what_comes_cannot_write_to_the_terminal() -> None:
    secret = new_secret()
    body = json.dumps({"type": "\x1b[2J\x9b", "data": {"description": "\x1b]0;title\x07"}}).encode()
    async with listening([secret]) as listener:
        await listener.post(secret, body=body)
        shown = await listener.line() + json.dumps(await listener.data())
    assert shown.isprintable()


async def test_a_failing_receiver_can_be_played() -> None:
    secret = new_secret()
    async with listening([secret], "--answer", "500") as listener:
        assert await listener.post(secret) == (500, "")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_é", "whsec_a", "{}", "nonsense"])
async def test_what_is_no_secret_is_told(secret: str, tmp_path: Path) -> None:
    code, output = await run("webhooks", "listen", "--secret", secret, environment={}, folder=tmp_path)
    assert code == 2
    assert "whsec_" in output
    assert "Traceback" not in output


async def test_without_a_secret_the_option_is_named(tmp_path: Path) -> None:
    code, output = await run("webhooks", "listen", environment={}, folder=tmp_path)
    assert code == 2
    assert "WEBHOOK_SECRET" in output


async def test_a_port_that_cannot_be_had_is_one_sentence(tmp_path: Path) -> None:
    async with canary() as taken:
        arguments = ("webhooks", "listen", "--secret", new_secret(), "--port", str(taken.port))
        code, output = await run(*arguments, environment={}, folder=tmp_path)
        assert (code, output) == (1, f"Nothing can listen on 127.0.0.1 port {taken.port}: Address already in use.\n")
        code, output = await run(*arguments, "--host", "nobody.invalid", environment={}, folder=tmp_path)
        assert (code, output.count("\n")) == (1, 1)
