"""The promise under faults that fall at random: a run of a minute with a fixed seed, as `make chaos` does it."""

import re
from pathlib import Path

from chaos.checker import Verdict
from chaos.faults.catalogue import FAULTS, mix
from chaos.ledger import Fell
from chaos.run import Outcome, Plan, run

ROOT = Path(__file__).parents[2]
SEED = 20_261_125


def broken(outcome: Outcome) -> dict[str, list[str]]:
    """What was found, and what was missed on the way."""
    found = {kind: sentences for kind, sentences in outcome.verdict.findings.items() if sentences}
    return {**found, "missed": outcome.missed} if outcome.missed else found


def test_whatever_falls_nothing_accepted_is_lost_or_doubled_or_out_of_order(tmp_path: Path) -> None:
    said: list[str] = []
    outcome = run(Plan(seed=SEED, duration=55, faults=mix()), tmp_path, said.append)
    assert not broken(outcome), "\n".join([*map(str, broken(outcome).items()), *said])
    assert outcome.verdict.accepted > 100
    assert sum(isinstance(entry, Fell) for entry in outcome.entries) >= 5


def test_every_row_of_the_matrix_that_is_promised_here_has_a_fault() -> None:
    rows = {fault.row for fault in FAULTS.values()} | {19}
    assert rows == set(range(1, 20))


def test_every_fault_is_told_in_the_document() -> None:
    document = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z0-9-]+)`", document))
    assert told >= set(FAULTS) | {"soak"}


def test_an_empty_verdict_is_clean() -> None:
    assert Verdict().is_clean
