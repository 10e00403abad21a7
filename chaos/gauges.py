"""What must stay flat however long it runs: memory, open files, the stream, and the room that a row takes on the disk."""

import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg

from chaos.blocking import blocking
from chaos.system import Program, System

Sample: TypeAlias = dict[str, float]

_STREAM: Final = "postagens:v1:{q0}:status-updates"
_MB: Final = 2**20
# Fewer samples, of a minute perhaps, cannot tell growth from a start.
_ENOUGH: Final = 40
_MORE_IS_GROWTH: Final = 1.25
# What a gauge may gain without being said to grow, in its own unit.
_GRACE: Final = {"MB": 8.0, "open files": 8.0, "hints in the stream": 100.0, "bytes a row": 100.0}
_ROWS: Final = """
SELECT pg_table_size('postings') / greatest(1, (SELECT count(*) FROM postings))::float AS postings,
       pg_table_size('status_updates') / greatest(1, (SELECT count(*) FROM status_updates))::float AS status_updates
"""


def sample(system: System) -> Sample:
    """Every gauge now; of several processes of a kind the highest."""
    gauges: Sample = {"hints in the stream": float(system.servers.ask_valkey("XLEN", _STREAM).lstrip(b":"))}
    for kind, programs in (("api", system.apis), ("worker", system.workers), ("sender", system.senders)):
        gauges[f"{kind}: MB"] = max(map(megabytes, programs))
        gauges[f"{kind}: open files"] = max(map(open_files, programs))
    for table, size in blocking(_bytes_a_row(system.servers.postgres.url)).items():
        gauges[f"{table}: bytes a row"] = size
    return gauges


def megabytes(program: Program) -> float:
    """The resident memory of a process."""
    pages = int(Path(f"/proc/{program.process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MB


def open_files(program: Program) -> int:
    """Files and connections that it has open."""
    return sum(1 for _ in Path(f"/proc/{program.process.pid}/fd").iterdir())


async def _bytes_a_row(url: str) -> dict[str, float]:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(_ROWS)
    finally:
        await connection.close()
    return dict(row.items()) if row else {}


def middle_and_end(samples: Sequence[Sample]) -> dict[str, tuple[float, float]]:
    """By gauge: the median of the second quarter of the run, when all is warm, and that of the last."""
    quarter = len(samples) // 4
    return {
        name: (
            statistics.median(each[name] for each in samples[quarter : 2 * quarter]),
            statistics.median(each[name] for each in samples[-quarter:]),
        )
        for name in (samples[0] if quarter else ())
    }


def growing(samples: Sequence[Sample]) -> list[str]:
    """The gauges that are not flat, in a sentence each; a short run says nothing."""
    if len(samples) < _ENOUGH:
        return []
    return [
        f"{name} grew from {middle:.0f} to {end:.0f}"
        for name, (middle, end) in middle_and_end(samples).items()
        if end > middle * _MORE_IS_GROWTH + _GRACE[name.rpartition(": ")[2]]
    ]
