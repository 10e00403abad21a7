"""The checker turns red for each way of breaking a promise, and stays green where all were kept."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from chaos.checker import Verdict, check
from chaos.facts import Posting, Recorded, Update
from chaos.ledger import Asked, Created, Entry, KeyReused, Seen
from chaos.model import Step

CODE: Final = "ZP473124829BR"
POSTED: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
PENDING: Final = Step("pending", POSTED)


def moment(minute: int) -> datetime:
    """So many minutes after the posting."""
    return POSTED + timedelta(minutes=minute)


def asked(wish: str, sent: float, *, status: int = 202, code: str | None = None, shipped: str = "shipped") -> Asked:
    """An attempt that took a second."""
    update_id = f"id of {wish}" if status == 202 else None
    return Asked(wish, CODE, shipped, None, None, None, sent, sent + 1, status, code, update_id)


def scan(wish: str, minute: int) -> Update:
    """A scan that was accepted at the minute, and applied."""
    step = Step("shipped", moment(minute), description=wish)
    return Update(
        f"id of {wish}", "applied", None, step, timed=False, accepted_at=step.at, decided_at=step.at, seconds=0.1
    )


@dataclass
class World:
    """A ledger and the facts that fit it: one posting, created and scanned twice."""

    entries: list[Entry] = field(
        default_factory=lambda: [
            Created("creation", 0, 1, 201, None, CODE),
            asked("a", 2),
            asked("b", 4),
            Seen(CODE, 5, 6, 200, 1),
            Seen(CODE, 7, 8, 200, 3),
            KeyReused(9, 10, 422, "idempotency_key_reused"),
        ]
    )
    posting: Posting = field(
        default_factory=lambda: Posting(
            CODE,
            "shipped",
            moment(2),
            3,
            "creation",
            [scan("a", 1), scan("b", 2)],
            [
                Recorded(1, None, PENDING),
                Recorded(2, "id of a", scan("a", 1).wished),
                Recorded(3, "id of b", scan("b", 2).wished),
            ],
        )
    )

    def verdict(self) -> Verdict:
        """What the checker says."""
        return check(self.entries, [self.posting])


def lose_the_row(world: World) -> None:
    world.posting.updates.pop()
    world.posting.steps.pop()
    world.posting.step_count, world.posting.status_at = 2, moment(1)


def leave_it_queued(world: World) -> None:
    lose_the_row(world)
    world.posting.updates.append(replace(scan("b", 2), state="queued", decided_at=None))


def lose_the_posting(world: World) -> None:
    world.entries.append(Created("another", 0, 1, 201, None, "ZP000000005BR"))


def record_twice(world: World) -> None:
    world.posting.steps.append(replace(world.posting.steps[-1], seq=4))
    world.posting.step_count = 4


def store_twice(world: World) -> None:
    world.posting.updates.append(replace(scan("b", 2), id="another", state="refused", refusal="already_recorded"))


def create_twice(world: World) -> None:
    world.entries.append(Created("creation", 2, 3, 201, None, "ZP000000005BR"))


def apply_what_was_refused(world: World) -> None:
    world.posting.updates[1] = replace(world.posting.updates[1], state="refused", refusal="illegal_transition")


def swap(world: World) -> None:
    world.posting.updates = [replace(scan("a", 3), decided_at=moment(5)), scan("b", 2)]
    a, b = world.posting.updates
    world.posting.steps[1:] = [Recorded(2, b.id, b.wished), Recorded(3, a.id, a.wished)]
    world.posting.status_at = moment(3)


def refuse_what_fits(world: World) -> None:
    lose_the_row(world)
    world.posting.updates.append(replace(scan("b", 2), state="refused", refusal="illegal_transition"))


def refuse_at_once_what_fits(world: World) -> None:
    world.entries.append(asked("c", 11, status=409, code="illegal_transition"))


def end(world: World) -> None:
    """The posting is delivered after its scans."""
    delivered = replace(scan("end", 3), wished=Step("delivered", moment(3), description="end"))
    world.posting.updates.append(delivered)
    world.posting.steps.append(Recorded(4, delivered.id, delivered.wished))
    world.posting.status, world.posting.status_at, world.posting.step_count = "delivered", moment(3), 4
    world.entries.append(asked("end", 11, shipped="delivered"))


def refuse_at_once_what_was_applied(world: World) -> None:
    end(world)
    world.entries.append(asked("a", 12, status=409, code="illegal_transition"))


def record_another_time(world: World) -> None:
    world.posting.steps[2] = replace(world.posting.steps[2], step=Step("shipped", moment(9), description="b"))
    world.posting.status_at = moment(9)


def show_another_status(world: World) -> None:
    world.posting.status = "delivered"


def leave_a_hole(world: World) -> None:
    world.posting.steps[2] = replace(world.posting.steps[2], seq=4)


def read_less_than_before(world: World) -> None:
    world.entries.append(Seen(CODE, 9, 10, 200, 2))


def answer_500(world: World) -> None:
    world.entries.append(asked("a", 3, status=500))


def take_a_used_key(world: World) -> None:
    world.entries.append(KeyReused(9, 10, 202))


def test_a_promise_that_was_kept_finds_nothing() -> None:
    verdict = World().verdict()
    assert verdict.is_clean, verdict.findings
    assert (verdict.accepted, verdict.created) == (2, 1)


@pytest.mark.parametrize(
    ("kind", "break_it"),
    [
        ("lost", lose_the_row),
        ("lost", leave_it_queued),
        ("lost", lose_the_posting),
        ("twice", record_twice),
        ("twice", store_twice),
        ("twice", create_twice),
        ("twice", apply_what_was_refused),
        ("out of order", swap),
        ("wrong refusals", refuse_what_fits),
        ("wrong refusals", refuse_at_once_what_fits),
        ("wrong refusals", refuse_at_once_what_was_applied),
        ("wrong refusals", record_another_time),
        ("wrong refusals", show_another_status),
        ("holes in steps", leave_a_hole),
        ("reads went back", read_less_than_before),
        ("wrong answers", answer_500),
        ("wrong answers", take_a_used_key),
    ],
)
def test_a_promise_that_was_broken_is_found(kind: str, break_it: Callable[[World], None]) -> None:
    world = World()
    break_it(world)
    assert world.verdict().findings[kind]


def test_updates_under_way_at_once_may_be_decided_in_any_order() -> None:
    world = World()
    swap(world)
    world.entries[1:3] = [asked("a", 2), asked("b", 2.5)]
    assert world.verdict().is_clean, world.verdict().findings


def test_of_those_who_ask_at_once_with_one_key_some_may_hear_at_once_what_the_others_hear_later() -> None:
    world = World()
    end(world)
    world.posting.updates.append(replace(scan("late", 4), state="refused", refusal="illegal_transition"))
    world.entries += [asked("late", 13), asked("late", 13, status=409, code="illegal_transition")]
    assert world.verdict().is_clean, world.verdict().findings
