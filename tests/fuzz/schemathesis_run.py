"""One run of schemathesis against a running service, as one caller."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.shop import Shop

_ROOT: Final = Path(__file__).parents[2]
_CONFIG: Final = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True, slots=True)
class Codes:
    """A posting that there is, and one that has reached its end."""

    tracking: str
    finished: str

    @classmethod
    async def of(cls, shop: Shop) -> Self:
        """Two new postings."""
        return cls((await shop.create_posting())["tracking_code"], await shop.create_delivered_posting())


@dataclass(frozen=True, slots=True)
class Run:
    """How it ended: the exit code, what was printed (nothing when it went to the terminal), and the statuses of each operation."""

    code: int
    output: str
    seen: dict[str, set[int]]


async def run_schemathesis(caller: Shop, folder: Path, *options: str, codes: Codes, loud: bool = False) -> Run:
    """Hold the service that the caller is signed in at against its document, with every check; leave nothing outside the folder."""
    seen = folder / "seen.txt"
    seen.touch()
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("--config-file", _CONFIG, "run", f"{caller.url}/openapi.json", "--checks", "all"),
        *("--header", f"Authorization: {caller.headers['Authorization']}", "--generation-database", "none"),
        *options,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(_ROOT),
            "FUZZ_SEEN": str(seen),
            "FUZZ_TRACKING_CODE": codes.tracking,
            "FUZZ_FINISHED_CODE": codes.finished,
            "FUZZ_EMAIL": caller.email,
            **{f"FUZZ_{name}": value for name, value in (await caller.create_webhooks()).items()},
        },
        stdout=None if loud else PIPE,
        stderr=None if loud else STDOUT,
    )
    output, _ = await process.communicate()
    statuses: dict[str, set[int]] = {}
    for operation, status in map(str.split, seen.read_text(encoding="utf-8").splitlines()):
        statuses.setdefault(operation, set()).add(int(status))
    assert process.returncode is not None
    return Run(process.returncode, output.decode() if output else "", statuses)
