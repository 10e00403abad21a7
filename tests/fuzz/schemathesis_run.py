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
ENDING: Final = ("change_password", "delete_client")
"""Operations that are left out: after them the caller of the run is let in no more."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to ask for: a posting, one that has reached its end, and a status update."""

    tracking_code: str
    finished_code: str
    update_id: str

    @classmethod
    async def of(cls, shop: Shop) -> Self:
        """All of it new."""
        code = (await shop.create_posting())["tracking_code"]
        update = await shop.update(code, "shipped", description="A scan")
        return cls(code, await shop.create_delivered_posting(), update.json["id"])


@dataclass(frozen=True, slots=True)
class Run:
    """How it ended: the exit code, what was printed (nothing when it went to the terminal), and the statuses of each operation."""

    code: int
    output: str
    seen: dict[str, set[int]]


async def run_schemathesis(caller: Shop, folder: Path, *options: str, known: Known, loud: bool = False) -> Run:
    """Hold the service that the caller is signed in at against its document, with every check; leave nothing outside the folder."""
    seen = folder / "seen.txt"
    seen.touch()
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("--config-file", _CONFIG, "run", f"{caller.url}/openapi.json", "--checks", "all"),
        *("--header", f"Authorization: {caller.headers['Authorization']}", "--generation-database", "none"),
        *(f"--exclude-operation-id={name}" for name in ENDING),
        *options,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(_ROOT),
            "FUZZ_SEEN": str(seen),
            "FUZZ_TRACKING_CODE": known.tracking_code,
            "FUZZ_FINISHED_CODE": known.finished_code,
            "FUZZ_UPDATE_ID": known.update_id,
            "FUZZ_EMAIL": caller.email,
            "FUZZ_CLIENT_ID": await caller.id(),
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
