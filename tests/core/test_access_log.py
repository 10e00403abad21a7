"""The line of a request is the same whether `logging` writes it or it is put together here."""

import json
import re
import subprocess
import sys
from typing import Final

import pytest

_PROGRAM: Final = """
import asyncio, logging, sys
from app.core.access_log import access_log
from app.core.logging import configure_logging, request_id

async def tell(style, level, path):
    configure_logging(level=level, style=style)
    request_id.set("a-request")
    logging.getLogger("app.access").info("%s %s %d %.1f ms", "GET", path, 200, 1.25)
    access_log.tell("a-request", "GET", path, 200, 1.25)
    await asyncio.sleep(0)

asyncio.run(tell(*sys.argv[1:]))
"""


def lines(style: str, level: str, path: str) -> list[str]:
    """What a program writes that tells of a request both ways: as all other lines are written, and as that of a request is."""
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM, style, level, path], capture_output=True, text=True, check=True
    )
    return ran.stderr.splitlines()


@pytest.mark.parametrize("path", ["/api/v1/postings/ZP473124829BR", '/"}{\\u0000', "/caf%C3%A9é\t"])
def test_it_has_the_same_fields_in_the_same_order(path: str) -> None:
    ordinary, quick = (json.loads(line) for line in lines("json", "INFO", path))
    assert list(quick) == list(ordinary)
    assert {**quick, "timestamp": ""} == {**ordinary, "timestamp": ""}
    for line in (quick, ordinary):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", line["timestamp"])


def test_it_is_silent_where_it_is_not_wanted() -> None:
    assert lines("json", "WARNING", "/") == []


def test_people_read_it_as_any_other_line() -> None:
    ordinary, quick = lines("console", "INFO", "/rastreio")
    assert ordinary.split("GET")[1] == quick.split("GET")[1]


def test_whoever_closes_the_log_does_not_end_the_service() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM + "print('alive')", "json", "INFO", "/"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr
        assert running.stdout
        running.stderr.close()
        assert running.stdout.read() == "alive\n"
