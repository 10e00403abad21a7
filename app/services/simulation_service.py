"""The simulator's rules: what test postings are to live through, and asking for it when it is time.

What it asks for goes the way of every update. Its id is made from posting and place, so that asking again, after a crash or beside
another process, is asking once.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from app.core.ids import id_from_key
from app.db.columns import columns_of
from app.db.database import Database, Row, Transaction
from app.db.queries import postings, simulations, status_updates
from app.models.clients import Caller
from app.services.acceptance import Wish, accept_wishes, values_of
from app.services.backlog import Backlog
from app.services.decision_service import count_failed_attempt
from app.services.errors import PostingHeld, Refusal
from app.services.ports import Hints
from app.services.scenarios import AT_ONCE, FAILING, SCENARIOS, STAYING, Plan

_Due: TypeAlias = tuple[Row, list[Wish]]

_MOST_TOGETHER: Final = 1_000


async def plan_simulations(transaction: Transaction, posting_ids: Sequence[int], plans: Sequence[Plan]) -> None:
    """Write down what these new postings are to live through; of one that stays as it is there is nothing to write."""
    planned = [each for each in zip(posting_ids, plans, strict=True) if each[1].scenario != STAYING]
    await transaction.execute(
        simulations.INSERT_SIMULATIONS,
        [posting_id for posting_id, _ in planned],
        [plan.scenario for _, plan in planned],
        [plan.pace_seconds for _, plan in planned],
        [plan.scenario not in AT_ONCE for _, plan in planned],
    )


async def take_due_steps(database: Database, hints: Hints, backlog: Backlog, *, limit: int) -> int:
    """Ask for the steps that are due, of at most `limit` postings; return of how many that was done.

    A life in which somebody else has stepped, so that its next step is refused at once, ends there. Raises BacklogFull.
    """
    rows = await database.reader.fetch(simulations.SELECT_DUE_SIMULATIONS, limit, list(SCENARIOS))
    due = [(row, _wishes(row)) for row in rows]
    taken = 0
    for together in _portions([each for each in due if each[0]["scenario"] != FAILING]):
        # Each time: a step may be a thousand updates.
        await backlog.look(database.reader)
        backlog.require_room()
        taken += await _take_steps(database, hints, together)
    for row, wishes in [each for each in due if each[0]["scenario"] == FAILING]:
        taken += await _fail(database, row["posting_id"], wishes)
    return taken


def _wishes(row: Row) -> list[Wish]:
    """What the posting's next step asks for, as its client would; nothing where there is none."""
    caller = Caller(id=row["client_id"], role="client", test=True)
    position = row["position"]
    steps = SCENARIOS[row["scenario"]]
    return [
        Wish(
            id=id_from_key("simulator", row["tracking_code"], str(position), str(number)),
            caller=caller,
            tracking_code=row["tracking_code"],
            request=asked.request.model_copy(update={"occurred_at": row["posted_at"]})
            if asked.from_the_beginning
            else asked.request,
            repeatable=True,
            posting_id=row["posting_id"],
        )
        for number, asked in enumerate(steps[position] if position < len(steps) else ())
    ]


def _portions(due: Sequence[_Due]) -> Iterator[list[_Due]]:
    """As many as may be asked for together."""
    portion: list[_Due] = []
    for row, wishes in due:
        if portion and sum(len(each) for _, each in portion) + len(wishes) > _MOST_TOGETHER:
            yield portion
            portion = []
        portion.append((row, wishes))
    if portion:
        yield portion


async def _take_steps(database: Database, hints: Hints, together: Sequence[_Due]) -> int:
    await accept_wishes(database, hints, [wish for _, wishes in together for wish in wishes])
    over: list[int] = []
    going_on: list[tuple[int, int]] = []
    for row, wishes in together:
        outcomes = [wish.outcome for wish in wishes]
        if any(isinstance(outcome, PostingHeld) for outcome in outcomes):
            continue  # it is due again at once
        is_last = row["position"] + 1 >= len(SCENARIOS[row["scenario"]])
        if is_last or any(isinstance(outcome, Refusal) for outcome in outcomes):
            over.append(row["posting_id"])
        else:
            going_on.append((row["posting_id"], row["position"]))
    async with database.transaction() as transaction:
        await transaction.execute(simulations.DELETE_SIMULATIONS, over)
        await transaction.execute(
            simulations.UPDATE_SIMULATIONS, [each for each, _ in going_on], [position for _, position in going_on]
        )
    return len(over) + len(going_on)


async def _fail(database: Database, posting_id: int, wishes: Sequence[Wish]) -> int:
    """An update that ends as one that cannot be decided. Whoever holds the posting's lock decides: nobody else meets it."""
    async with database.transaction() as transaction:
        if not await transaction.fetch(postings.LOCK_POSTINGS, [posting_id]):
            return 0
        if wishes and await transaction.fetch(
            status_updates.INSERT_STATUS_UPDATES, *columns_of(map(values_of, wishes))
        ):
            await count_failed_attempt(transaction, wishes[0].id, max_attempts=1)
        await transaction.execute(simulations.DELETE_SIMULATIONS, [posting_id])
    return 1
