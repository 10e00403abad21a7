"""What PostgreSQL itself refuses of sessions, whoever asks."""

from typing import Final

import pytest

from tests.db.rows import ANOTHER, EARLIER, Connection, Refused, assert_refused

REFUSED: Final = (
    Refused("sessions_pkey", "an id given twice", "sessions", {}, after={}),
    Refused("sessions_client_id_fkey", "a client that is not", "sessions", {"client_id": ANOTHER["clients"]["id"]}),
    Refused("sessions_has_scopes", "no scopes", "sessions", {"scopes": []}),
    Refused("sessions_token_hashes_one_or_two", "no token", "sessions", {"token_hashes": []}),
    Refused("sessions_token_hashes_one_or_two", "three tokens", "sessions", {"token_hashes": [b"1", b"2", b"3"]}),
    Refused("sessions_ends_after_it_began", "an end before its beginning", "sessions", {"expires_at": EARLIER}),
)


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_no_session_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)
