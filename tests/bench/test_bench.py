"""The bench measures what it says: the same work, whole results, a table that tells what is met, and a document that agrees."""

import json
import math
from pathlib import Path
from typing import Final

import asyncpg

from app.embedded.folder import free_port
from bench import limits
from bench.charts import write_charts
from bench.document import DOCUMENT, read_results, renewed
from bench.effort import Effort
from bench.ground import Ground, Place
from bench.load import UNIQUE, Load, press, request
from bench.peers.work import DECIDE
from bench.printing import words
from bench.programs import module, running, wait_until_answers
from bench.result import Result, Row, Section, Table, Verdict, histogram, percentile
from bench.sections import deciding
from bench.workers import our_workers, waiting_postings
from tests.bench.rows import rows_left

ROOT: Final = Path(__file__).parents[2]
_UPDATES: Final = 4_000  # several batches: a rate is counted from the first to the last
_SMALLEST: Final = Effort(
    rounds=1, updates=_UPDATES, single_updates=100, load_seconds=0.2, latency_seconds=0.2, starts=1
)


async def _decide_as_a_peer(place: Place) -> None:
    connection = await asyncpg.connect(place.database_url)
    await connection.execute(DECIDE, await waiting_postings(place))
    await connection.close()


async def test_the_limit_and_the_peers_statement_leave_the_rows_that_our_worker_leaves(bench_ground: Ground) -> None:
    async with bench_ground.filled(postings=_UPDATES, updates=_UPDATES) as place:
        await our_workers(bench_ground, place, processes=1)
        ours = await rows_left(place.database_url)
    assert {row[1] for row in ours[2]} == {"applied"}
    async with bench_ground.filled(postings=_UPDATES, updates=_UPDATES) as place:
        await limits.decide_everything(place.database_url)
        assert await rows_left(place.database_url) == ours
    async with bench_ground.filled(postings=_UPDATES, updates=_UPDATES) as place:
        await _decide_as_a_peer(place)
        assert await rows_left(place.database_url) == ours


async def test_the_smallest_section_yields_a_result_that_can_be_kept(bench_ground: Ground, tmp_path: Path) -> None:
    section = await deciding.measure(bench_ground, _SMALLEST, lambda _: None, alone=True)
    result = Result({"cores": "2"}, quick=True, section=section)
    result.write(tmp_path / "deciding.json")
    assert Result.read(tmp_path / "deciding.json") == result
    assert [len(row.rounds) for row in section.tables[0].rows] == [1, 1, 1, 1]
    assert all(row.median > 0 for row in section.tables[0].rows)


async def test_copy_of_postings_is_measured_on_rows_that_arrive(bench_ground: Ground) -> None:
    async with (
        bench_ground.filled(postings=_UPDATES, updates=_UPDATES) as filled,
        bench_ground.filled(postings=0, updates=0) as empty,
    ):
        rate = await limits.copy_postings(filled.database_url, empty.database_url, seconds=60, at_once=500)
        connection = await asyncpg.connect(empty.database_url)
        assert await connection.fetchval("SELECT count(*) FROM postings") == _UPDATES
        assert await connection.fetchval("SELECT count(*) FROM status_history") == _UPDATES
        await connection.close()
    assert rate > 0


def test_the_load_asks_on_all_connections_and_counts_answers_by_status(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with running(
        module("bench.rivals.bare_asgi", str(port)), log=log, environment={"PYTHONPATH": str(ROOT)}
    ) as process:
        wait_until_answers(port, "/", process, log)
        lines = [request("PATCH", "/ok", {"description": UNIQUE}, token="t")]
        answered = press(Load(port, lines, connections=3, seconds=0.2, warm_seconds=0))
    assert len(answered.all_of(200)) > 3


def test_a_target_is_met_from_its_very_value_on_and_never_by_what_is_no_number() -> None:
    assert words(Verdict("what", 1.3, "≥", 1.3, "×"))[3] == "met"
    assert words(Verdict("what", 1.29, "≥", 1.3, "×"))[3] == "**not met**"
    assert words(Verdict("what", 80, "≤", 80, "ms"))[3] == "met"
    assert words(Verdict("what", 81, "≤", 80, "ms"))[3] == "**not met**"
    assert words(Verdict("what", math.nan, "≤", 80, "ms"))[3] == "**not met**"


def test_ratios_are_of_medians() -> None:
    table = Table("t", "updates/s", [Row("a", [10, 30, 20]), Row("b", [1, 100, 10])], ["b"])
    assert table.ratio("a", "b") == 2


def test_a_percentile_is_the_nearest_rank_and_a_histogram_loses_nothing() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert math.isnan(percentile([], 0.5))
    assert sum(histogram("t", {"a": [0.001, 5, 10_000]}).counts["a"]) == 3


def test_the_document_says_what_the_results_say(tmp_path: Path) -> None:
    results = read_results(ROOT / "bench" / "results")
    charts = {result.section.name: write_charts(result.section, tmp_path) for result in results}
    text = (ROOT / "docs" / DOCUMENT).read_text(encoding="utf-8")
    assert renewed(text, results, charts) == text
    for _, file in [chart for each in charts.values() for chart in each]:
        assert (ROOT / "docs" / "charts" / file).read_text(encoding="utf-8") == (tmp_path / file).read_text(
            encoding="utf-8"
        )


def test_a_section_without_a_result_is_not_measured_yet() -> None:
    text = "<!-- bench:targets -->\nold\n<!-- end -->\n<!-- bench:other -->\nold\n<!-- end -->"
    section = Section("one", "One", "How.", [], [Verdict("what", 2, "≥", 1, "×")])
    assert renewed(text, [Result({}, quick=False, section=section)], {}).count("Not measured yet.") == 1


def test_no_result_tells_where_it_was_measured() -> None:
    for file in (ROOT / "bench" / "results").glob("*.json"):
        facts = json.loads(file.read_text(encoding="utf-8"))["facts"]
        assert not any("/" in value.replace("KB/s", "") for value in facts.values())
