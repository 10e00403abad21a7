"""docs/webhooks.md: its events are events, and its receivers receive."""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from app.core.webhook_client import open_webhook_client
from app.core.webhook_signing import new_secret, sign
from app.embedded.folder import free_port
from app.models.webhooks import WebhookPayload
from app.services.refusals import reason
from app.services.webhook_schedule import ATTEMPTS_IN_ORDER
from tests.until import until

TEXT: Final = (Path(__file__).parents[1] / "docs/webhooks.md").read_text(encoding="utf-8")
SECRET: Final = new_secret()
NOW: Final = timedelta()


def blocks(language: str) -> list[str]:
    """The code of the document in this language."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return found


@pytest.mark.parametrize("block", blocks("json"))
def test_an_event_of_the_document_is_one(block: str) -> None:
    payload = WebhookPayload.model_validate_json(block)
    assert json.loads(payload.model_dump_json()) == json.loads(block)


def test_what_it_says_of_a_refusal_is_said() -> None:
    refusal = json.loads(blocks("json")[1])["data"]["status_update"]["refusal"]
    assert refusal == reason("illegal_transition").model_dump()


def test_the_later_events_wait_as_often_as_it_says() -> None:
    assert f"failed {('never', 'once', 'twice', 'three times')[ATTEMPTS_IN_ORDER]}" in TEXT


@asynccontextmanager
async def receiving(command: Sequence[str], folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Yield a receiver that answers."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
    )

    async def answers() -> bool:
        assert process.returncode is None
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until("the receiver answers", answers, 30)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def check(command: Sequence[str], folder: Path, port: int) -> None:
    """Have a receiver told of steps out of order, repeated, forged and late."""

    def event(step: int, status: str) -> bytes:
        data = {"tracking_code": "ZP000000015BR", "step": step, "posting_status": status, "city": "São Paulo"}
        return json.dumps({"type": "posting.status_changed", "data": data}, ensure_ascii=False).encode()

    created, shipped, delivered = event(1, "pending"), event(2, "shipped"), event(3, "delivered")
    async with receiving(command, folder, port) as process, open_webhook_client(development=True) as client:
        statuses = []
        for message, body, secrets, ago in (
            ("msg_1", created, [SECRET], NOW),
            ("msg_3", delivered, [new_secret(), SECRET], NOW),
            ("msg_3", delivered, [SECRET], NOW),
            ("msg_2", shipped, [SECRET], NOW),
            ("msg_4", event(4, "forged"), [new_secret()], NOW),
            ("msg_4", event(4, "stale"), [SECRET], timedelta(minutes=6)),
            ("msg_5", b'{"type":"webhook.test","data":{}}', [SECRET], NOW),
        ):
            headers = sign(secrets, message, datetime.now(UTC) - ago, body)
            answer = await client.post(f"http://127.0.0.1:{port}/webhooks", headers, body)
            statuses.append(answer.status)
        process.terminate()
        output, _ = await process.communicate()
    assert statuses == [204, 204, 204, 204, 401, 401, 204]
    assert output.decode().splitlines() == ["ZP000000015BR 1 pending", "ZP000000015BR 3 delivered"]


async def test_the_receiver_in_python_receives(tmp_path: Path) -> None:
    (code,) = blocks("python")
    (tmp_path / "receiver.py").write_text(code, encoding="utf-8")
    port = free_port()
    serve = ("-m", "uvicorn", "receiver:app", "--port", str(port), "--log-level", "error")
    await check((sys.executable, *serve), tmp_path, port)


@pytest.mark.skipif(shutil.which("node") is None, reason="the receiver in JavaScript needs Node, which is not here")
async def test_the_receiver_in_node_receives(tmp_path: Path) -> None:
    (code,) = blocks("js")
    (tmp_path / "receiver.mjs").write_text(code, encoding="utf-8")
    await check(("node", "receiver.mjs"), tmp_path, free_port())
