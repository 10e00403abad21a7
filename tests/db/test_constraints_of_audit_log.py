"""What PostgreSQL itself refuses of the audit log, whoever asks."""

from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from tests.db.rows import Connection, Refused, assert_refused, insert


def _refused(constraint: str, wrong: str, **changes: Any) -> Refused:
    return Refused(f"audit_log_{constraint}", wrong, "audit_log", changes)


REFUSED: Final = (
    Refused("audit_log_pkey", "an id given twice", "audit_log", {}, after={}),
    _refused("actor_id_fkey", "an actor who is nobody", actor_id=UUID(int=7)),
    _refused("client_id_fkey", "an account that is nobody's", client_id=UUID(int=7)),
    _refused("action_shape", "an action without an object", action="changed"),
    _refused("action_shape", "an action in capitals", action="Client.Changed"),
    _refused("details_object", "details that are no object", details="[]"),
)


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_no_event_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor_id = NULL",
        "UPDATE audit_log SET details = '{}' WHERE action = 'client.left'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "TRUNCATE clients CASCADE",
    ],
)
async def test_the_owner_of_the_log_cannot_change_it(known: Connection, statement: str) -> None:
    await insert(known, "audit_log", {})
    assert await known.fetchval("SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'audit_log'")
    with pytest.raises(asyncpg.RestrictViolationError, match="is never changed"):
        await known.execute(statement)
