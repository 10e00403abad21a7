"""Teaches schemathesis what JSON Schema cannot say: check digits, the past, real cursors, keys and references that are new."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, HookContext

from app.core.cursors import encode_cursor
from app.core.tracking_code import check_digit
from app.models.fields import parse_timestamp

_PAST: Final = "2026-03-01T14:30:00-03:00"
_WORDS: Final = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)
_LETTERS: Final = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
_CODES: Final = st.builds(
    lambda serial, prefix, suffix: f"{prefix}{serial}{check_digit(serial)}{suffix}",
    st.integers(0, 10**8 - 1).map("{:08}".format),
    _LETTERS,
    _LETTERS,
)
_DOCUMENTS: Final = st.sampled_from(
    ["529.982.247-25", "52998224725", "11.222.333/0001-81", "11222333000181", "12ABC34501DE35", "12.abc.345/01de-35"]
)
_TIMES: Final = st.builds(
    lambda moment, zone: f"{moment.isoformat()}{zone}",
    st.datetimes(datetime(2000, 1, 3), datetime(2025, 12, 31)),  # noqa: DTZ001 - the offset is written behind it
    st.sampled_from(["Z", "-03:00", "+14:00", "-12:00", "+05:30"]),
)

for name, strategy in {
    "tracking-code": _CODES,
    "cpf-or-cnpj": _DOCUMENTS,
    "cep": st.integers(1, 10**8 - 1).map("{:08}".format),
    "date-time": _TIMES,
    "date": st.dates(datetime(2000, 1, 1).date(), datetime(2099, 12, 31).date()).map(str),  # noqa: DTZ001
    "duration": st.builds("P{}{}".format, st.integers(0, 9999), st.sampled_from(["D", "DT5H", "DT5H4M3S"])),
    "idn-email": st.builds("{}@{}.com.br".format, _WORDS, _WORDS),
    "cursor": st.integers(0, 10**6).map(lambda seq: encode_cursor("status_updates", seq)),
    "idempotency-key": st.uuids().map(str),
}.items():
    schemathesis.openapi.format(name, strategy)


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """Make a request that is meant to be right keep the rules that stand in no schema; one that is meant to be wrong stays as it is."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return case
    if "idempotency-key" in case.headers:
        case.headers["idempotency-key"] = str(uuid.uuid4())
    if "cursor" in case.query and context.operation is not None:
        case.query["cursor"] = _cursor(context.operation.path, case.query.get("sort", "-created_at"))
    for place in _objects(case.body):
        _keep_the_rules(place)
    return case


def _cursor(path: str, sort: Any) -> str:
    """A cursor as a page of this kind and order would have given it out."""
    return encode_cursor("status_updates", 7) if "status" in path else encode_cursor(sort, 7, _PAST)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in this value, at any depth."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _objects(item)


def _keep_the_rules(place: dict[str, Any]) -> None:
    """References are unique in a batch, and nothing has happened in the future."""
    if place.get("reference") is not None:
        place["reference"] = f"{place['reference'][:60]}{uuid.uuid4().hex}"
    for name in ("posted_at", "occurred_at"):
        if place.get(name) is not None and parse_timestamp(place[name]) > datetime.now(UTC) + timedelta(minutes=4):
            place[name] = _PAST
