"""Negative controls: with a safeguard taken out the ledger turns red. A checker that never failed proves nothing."""

from pathlib import Path

from chaos.faults.catalogue import FAULTS
from chaos.run import Outcome, Plan, run


def control(folder: Path, fault: str, **plan: object) -> Outcome:
    """A short run with one fault, in which the system is not waited for for long."""
    settings = {"seed": 1, "duration": 8, "alone": True, "patience": 6, "longest": 2, **plan}
    return run(Plan(faults=[FAULTS[fault]], **settings), folder, lambda _: None)  # type: ignore[arg-type]


def test_without_the_sweep_updates_are_lost(tmp_path: Path) -> None:
    assert control(tmp_path, "redis-wipe", control="sweep-off").verdict.findings["lost"]


def test_with_an_answer_before_the_commit_updates_are_lost(tmp_path: Path) -> None:
    outcome = control(tmp_path, "api-killed", control="acknowledge-before-commit")
    assert outcome.verdict.findings["lost"]


def test_with_a_retry_without_a_key_updates_come_twice(tmp_path: Path) -> None:
    assert control(tmp_path, "api-postgres-reply-cut", without_key=True).verdict.findings["twice"]


def test_with_webhooks_owed_after_the_commit_steps_are_not_delivered(tmp_path: Path) -> None:
    outcome = control(tmp_path, "worker-killed-after-commit", control="owe-after-commit", clients=1, hands=12)
    assert outcome.verdict.findings["not delivered"]
    assert not outcome.verdict.findings["lost"]


def test_with_webhooks_marked_before_they_are_sent_steps_are_not_delivered(tmp_path: Path) -> None:
    outcome = control(tmp_path, "sender-killed", control="mark-before-send", clients=1, hands=12)
    assert [found for found in outcome.verdict.findings["not delivered"] if found.startswith("/well/")]


def test_without_the_row_lock_steps_come_twice(tmp_path: Path) -> None:
    crowded = {"parcels": 1, "hands": 8, "pause_seconds": 0.0}
    findings = control(tmp_path, "worker-killed", control="row-lock-off", **crowded).verdict.findings
    assert findings["twice"]
    assert findings["holes in steps"]
