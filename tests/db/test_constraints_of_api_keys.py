"""What PostgreSQL itself refuses of API keys, whoever asks."""

from datetime import timedelta
from typing import Final

import pytest

from tests.db.rows import ANOTHER, Connection, Refused, assert_refused

_OTHER: Final = {"id": "00000000-0000-0000-0000-00000000001f"}

REFUSED: Final = (
    Refused("api_keys_pkey", "an id given twice", "api_keys", {"key_hash": b"i" * 32}, after={}),
    Refused("api_keys_key_hash_key", "the hash of another", "api_keys", _OTHER, after={}),
    Refused("api_keys_client_id_fkey", "a client that is not", "api_keys", {"client_id": ANOTHER["clients"]["id"]}),
    Refused("api_keys_key_hash_length", "a short hash", "api_keys", {"key_hash": b"h" * 31}),
    Refused("api_keys_name_length", "an empty name", "api_keys", {"name": ""}),
    Refused("api_keys_name_length", "a long name", "api_keys", {"name": "a" * 101}),
    Refused("api_keys_has_scopes", "no scopes", "api_keys", {"scopes": []}),
    Refused("api_keys_never_the_account", "the account", "api_keys", {"scopes": ["postings:read", "account"]}),
    Refused("api_keys_never_the_account", "the service", "api_keys", {"scopes": ["admin"]}),
    Refused("api_keys_lifetime_positive", "no lifetime", "api_keys", {"lifetime": timedelta(0)}),
    Refused("api_keys_last4_length", "five last characters", "api_keys", {"last4": "abcde"}),
)


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_no_api_key_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)
