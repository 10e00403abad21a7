"""An error of ours, both ways round: its answer names the request under which the logs tell of it."""

import json
from pathlib import Path
from typing import Final

import pytest

from app.embedded.server import Server
from tests.db.rows import Connection
from tests.service import running_service
from tests.shop import POSTING, Shop

_BODIES: Final = {"/postings": POSTING, "/postings/batch": {"postings": [POSTING]}}


@pytest.mark.parametrize("path", _BODIES)
async def test_it_can_be_found_in_the_logs_by_the_id_in_its_answer(
    database_url: str,
    connection: Connection,
    valkey: Server,
    tmp_path: Path,
    path: str,
) -> None:
    service = running_service(tmp_path, database_url=database_url, redis_url=valkey.url, workers=0)
    async with service as running, Shop(running.url) as shop:
        await shop.register()
        await shop.create_posting()  # from here on the token is known
        await connection.execute("ALTER FUNCTION s10_check_digit RENAME TO gone")
        answer = await shop.send("POST", path, _BODIES[path])
        assert (answer.status, answer.code) == (500, "server_error")
        request_id = answer.headers["X-Request-ID"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "RateLimit" in answer.headers
    lines = [json.loads(line) for line in running.log.splitlines() if request_id in line]
    # uvicorn tells of it too, a little later.
    assert next(line["event"] for line in lines if line["level"] == "error") == "an error of ours"
    assert [line["event"].split(" ")[:3] for line in lines if line["logger"] == "app.access"] == [
        ["POST", f"/api/v1{path}", "500"]
    ]
