"""`make bench-vacuum` in small: each way has a line, and each line its figures."""

from pathlib import Path

import pytest

from bench.vacuum import WAYS, measure


async def test_each_way_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await measure(tmp_path, postings=5_000, updates=4_000)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line[:20].strip() for line in lines] == list(WAYS)
    for line in lines:
        accept, decide, _, sweep, postings, updates, *_ = map(float, line[20:].split())
        assert min(accept, decide, sweep, postings, updates) > 0
