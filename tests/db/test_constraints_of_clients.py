"""What PostgreSQL itself refuses of clients and of their idempotency keys, whoever asks."""

from typing import Final

import pytest

from tests.db.rows import ANOTHER, CLIENT, Connection, Refused, assert_refused, insert

_OTHER: Final = ANOTHER["clients"]
_KEYS: Final = "posting_idempotency_keys"

REFUSED: Final = (
    Refused("clients_pkey", "an id given twice", "clients", {**_OTHER, "id": CLIENT}),
    Refused("clients_email_key", "an e-mail given twice", "clients", {**_OTHER, "email": "ti@lojaazul.com.br"}),
    Refused("clients_email_normal", "an e-mail in capitals", "clients", {**_OTHER, "email": "TI@lojaazul.com.br"}),
    Refused("clients_email_normal", "an e-mail in accented capitals", "clients", {**_OTHER, "email": "É@loja.com.br"}),
    Refused("clients_email_normal", "a short e-mail", "clients", {**_OTHER, "email": "a@"}),
    Refused("clients_email_normal", "a long e-mail", "clients", {**_OTHER, "email": "a" * 243 + "@loja.com.br"}),
    Refused("clients_role_known", "an unknown role", "clients", {**_OTHER, "role": "admin"}),
    Refused("clients_name_length", "an empty name", "clients", {**_OTHER, "name": ""}),
    Refused("clients_name_length", "a long name", "clients", {**_OTHER, "name": "a" * 201}),
    Refused("clients_document_shape", "a document with dots", "clients", {**_OTHER, "document": "529.982.247-25"}),
    Refused("clients_document_shape", "a document of ten digits", "clients", {**_OTHER, "document": "5299822472"}),
    Refused("clients_document_shape", "a CPF with a letter", "clients", {**_OTHER, "document": "5299822472A"}),
    Refused("clients_document_shape", "a small letter in a CNPJ", "clients", {**_OTHER, "document": "12abc34501de35"}),
    Refused("clients_document_shape", "a letter as check digit", "clients", {**_OTHER, "document": "12ABC34501DE3X"}),
    Refused("clients_document_shape", "a line break at its end", "clients", {**_OTHER, "document": "52998224725\n"}),
    Refused(f"{_KEYS}_pkey", "a key used twice by one client", _KEYS, {}, after={}),
    Refused(f"{_KEYS}_client_id_fkey", "a key of nobody", _KEYS, {"client_id": _OTHER["id"]}),
    Refused(f"{_KEYS}_key_length", "an empty key", _KEYS, {"key": ""}),
    Refused(f"{_KEYS}_key_length", "a long key", _KEYS, {"key": "a" * 256}),
)


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_no_client_can_have(known: Connection, case: Refused) -> None:
    await assert_refused(known, case)


@pytest.mark.parametrize("document", ["52998224725", "11222333000181", "12ABC34501DE35", None])
async def test_a_client_may_have_a_cpf_a_cnpj_a_cnpj_with_letters_or_no_document(
    known: Connection, document: str | None
) -> None:
    await insert(known, "clients", {**_OTHER, "document": document})


async def test_two_clients_may_use_the_same_idempotency_key(known: Connection) -> None:
    await insert(known, "clients", _OTHER)
    await insert(known, _KEYS, {})
    await insert(known, _KEYS, {"client_id": _OTHER["id"]})
