"""What PostgreSQL itself refuses of test clients and simulations, whoever asks."""

from typing import Any, Final
from uuid import UUID

import pytest

from app.services.posting_service import FIRST_TEST_POSTING
from tests.db.rows import ANOTHER, CLIENT, Connection, Refused, assert_refused, insert

_OTHER: Final = ANOTHER["clients"]["id"]
_TEST_POSTING: Final = {"id": FIRST_TEST_POSTING, "client_id": _OTHER, "tracking_code": "ZT473124829BR"}


def _simulation(constraint: str, wrong: str, **changes: Any) -> Refused:
    return Refused(f"simulations_{constraint}", wrong, "simulations", changes)


REFUSED: Final = (
    Refused("test_clients_pkey", "a second test client", "test_clients", {"client_id": UUID(int=3)}, after={}),
    Refused(
        "test_clients_client_id_key", "a test client of two", "test_clients", {"account_id": UUID(int=3)}, after={}
    ),
    Refused("test_clients_not_itself", "itself as a test client", "test_clients", {"client_id": CLIENT}),
    Refused("test_clients_account_id_fkey", "an account that is nobody's", "test_clients", {"account_id": UUID(int=7)}),
    Refused("test_clients_client_id_fkey", "a test client that is nobody", "test_clients", {"client_id": UUID(int=7)}),
    Refused("simulations_pkey", "two lives", "simulations", {}, after={}),
    _simulation("posting_id_fkey", "a posting that is none", posting_id=FIRST_TEST_POSTING + 1),
    _simulation("of_test_postings", "a live posting", posting_id=0),
    _simulation("scenario_shape", "a scenario in capitals", scenario="Returned"),
    _simulation("scenario_shape", "an empty scenario", scenario=""),
    _simulation("pace_sane", "a pace that goes back", pace_seconds=-1),
    _simulation("pace_sane", "a pace of more than a day", pace_seconds=86_401),
    _simulation("position_not_negative", "a step before the first", position=-1),
)


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_no_test_world_can_have(known: Connection, case: Refused) -> None:
    await insert(known, "clients", ANOTHER["clients"])
    await insert(known, "clients", {"id": UUID(int=3), "email": "dritte@lojaazul.com.br"})
    await insert(known, "postings", _TEST_POSTING)
    await assert_refused(known, case)
