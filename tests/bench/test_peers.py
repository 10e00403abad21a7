"""The peers do the work: the rows they leave are those of our worker. Needs `sh .ci/sync peers` and BENCH_PEERS=1, and takes a minute."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from bench.ground import Ground
from bench.senders import SENDING, our_sender, peer_sender
from bench.workers import FASTSTREAM, SINGLE, Peer, our_workers, peer_workers
from tests.bench.rows import log_left, rows_left

PEERS: Final = Path(__file__).parents[2] / "bench" / "peers"
_UPDATES: Final = 2_500  # several batches: a rate is counted from the first to the last

pytestmark = pytest.mark.skipif(
    os.environ.get("BENCH_PEERS") != "1", reason="the peers' libraries are installed for the bench only: BENCH_PEERS=1"
)


@pytest.mark.parametrize("peer", [FASTSTREAM, *SINGLE], ids=lambda peer: peer.module)
async def test_a_peer_leaves_the_rows_that_our_worker_leaves(bench_ground: Ground, peer: Peer) -> None:
    async with bench_ground.filled(postings=_UPDATES, updates=_UPDATES) as place:
        await our_workers(bench_ground, place, processes=1)
        ours = await rows_left(place.database_url)
    async with bench_ground.filled(postings=_UPDATES, updates=_UPDATES) as place:
        assert (await peer_workers(bench_ground, place, peer)).rate > 0
        assert await rows_left(place.database_url) == ours


@pytest.mark.parametrize("peer", SENDING, ids=lambda peer: peer.module)
async def test_a_peer_leaves_the_log_that_our_webhook_worker_leaves(bench_ground: Ground, peer: Peer) -> None:
    async with bench_ground.filled(postings=_UPDATES, updates=0) as place:
        await our_sender(bench_ground, place, deliveries=_UPDATES)
        ours = await log_left(place.database_url)
    async with bench_ground.filled(postings=_UPDATES, updates=0) as place:
        assert (await peer_sender(bench_ground, place, peer, deliveries=_UPDATES)).rate > 0
        assert await log_left(place.database_url) == ours


@pytest.mark.parametrize("environment", ["others", "arq"])
def test_the_peers_are_typed_where_their_libraries_are(environment: str) -> None:
    files = [f"{peer.module}.py" for peer in (FASTSTREAM, *SINGLE, *SENDING) if peer.environment == environment]
    python = PEERS / f".venv-{environment}" / "bin" / "python"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--python-executable",
            python,
            "--config-file",
            "",
            "--ignore-missing-imports",
            *files,
        ],
        cwd=PEERS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
