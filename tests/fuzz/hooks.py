"""Teaches schemathesis what JSON Schema cannot say: check digits, the past, real cursors, keys and references that are new."""

import os
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import schemathesis
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from schemathesis import Case, GenerationMode, HookContext, Response
from schemathesis.generation.meta import TestPhase

from app.core.common_passwords import fold_password, read_common_passwords
from app.core.cursors import encode_cursor
from app.core.tracking_code import check_digit, is_tracking_code, normalize_tracking_code
from app.models.fields import Document, parse_timestamp
from app.services.password_policy import is_own
from tests.shop import PASSWORD

_SEEN: Final[set[tuple[str, int]]] = set()
# At most 50 codes are asked for at once, and an address has a length as a whole: no schema can state either.
_FEW: Final = 3
_LONGEST_ADDRESS: Final = 60_000
_PAST: Final = "2026-03-01T14:30:00-03:00"
_TO_COME: Final = "2098-03-01T14:30:00-03:00"
_WORDS: Final = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)
_COMMON_PASSWORDS: Final = read_common_passwords()
_LETTERS: Final = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
_CODES: Final = st.builds(
    lambda serial, prefix, suffix: f"{prefix}{serial}{check_digit(serial)}{suffix}",
    st.integers(0, 10**8 - 1).map("{:08}".format),
    _LETTERS,
    _LETTERS,
)
_DOCUMENTS: Final = ("529.982.247-25", "52998224725", "11.222.333/0001-81", "11222333000181", "12.abc.345/01de-35")
_TIMES: Final = st.builds(
    lambda moment, zone: f"{moment.isoformat()}{zone}",
    st.datetimes(datetime(2000, 1, 3), datetime(2025, 12, 31)),  # noqa: DTZ001 - the offset is written behind it
    st.sampled_from(["Z", "-03:00", "+14:00", "-12:00", "+05:30"]),
)

for name, strategy in {
    "tracking-code": _CODES,
    "cpf-or-cnpj": st.sampled_from(_DOCUMENTS),
    "cep": st.integers(1, 10**8 - 1).map("{:08}".format),
    "date-time": _TIMES,
    "date": st.dates(datetime(2000, 1, 1).date(), datetime(2099, 12, 31).date()).map(str),  # noqa: DTZ001
    "duration": st.builds("P{}{}".format, st.integers(0, 9999), st.sampled_from(["D", "DT5H", "DT5H4M3S"])),
    "idn-email": st.builds("{}@{}.com.br".format, _WORDS, _WORDS),
    "cursor": st.integers(0, 10**6).map(lambda seq: encode_cursor("status_updates", seq)),
    "idempotency-key": st.uuids().map(str),
    "webhook-url": st.builds("https://{}.example/{}".format, _WORDS, _WORDS),
}.items():
    schemathesis.openapi.format(name, strategy)


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:  # noqa: ARG001 - hooks are called by name
    """Leave out addresses that never reach the application: the HTTP server itself answers those over 64 KB, with a 400."""
    return len(urlencode(case.query, doseq=True)) < _LONGEST_ADDRESS


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """Make a request that is meant to be right keep the rules that stand in no schema; one that is meant to be wrong stays as it is."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return case
    if "idempotency-key" in case.headers:
        case.headers["idempotency-key"] = str(uuid.uuid4())
    if "cursor" in case.query and context.operation is not None:
        case.query["cursor"] = _cursor(context.operation.path, case.query.get("sort", "-created_at"))
    if "tracking_code" in case.path_parameters:
        case.path_parameters["tracking_code"] = _with_check_digit(case.path_parameters["tracking_code"])
    if isinstance(case.body, dict) and case.media_type == "application/x-www-form-urlencoded":
        # A field that no form knows is ignored, but no name stands twice.
        case.body = {name: value for name, value in case.body.items() if isinstance(value, str)}
    if isinstance(case.body, dict) and "grant_type" in case.body and _now_and_then(case.body):
        case.body |= {"username": os.environ["FUZZ_EMAIL"], "password": PASSWORD}
    if case.query.get("format") == "zpl":
        # No printer of labels has sheets of A4.
        case.query["size"] = "a6"
    if case.meta.phase.name is not TestPhase.STATEFUL:
        # There, links lead to what was created one request before, and the run holds us to finding just that.
        _name_what_there_is(case)
    if "codes" in case.query:
        case.query["codes"] = [code.replace(",", " ") for code in case.query["codes"][:_FEW]]
    for place in _objects(case.body):
        _keep_the_rules(place)
    return case


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], **_: Any) -> None:  # noqa: ARG001
    """Open no stream that has no end, whatever code the run has come by; and choose no password that anybody would guess."""
    code = str(case.path_parameters.get("tracking_code"))
    if case.operation.definition.raw["operationId"] == "follow" and is_tracking_code(normalize_tracking_code(code)):
        case.path_parameters["tracking_code"] = os.environ["FUZZ_FINISHED_CODE"]
    for place in _objects(case.body):
        for name in {"password", "new_password"} & place.keys():
            if isinstance(place[name], str) and _is_guessable(place[name], place):
                place[name] = PASSWORD


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:  # noqa: ARG001
    """Note which operation gave which status, so that a run can tell what it reached."""
    seen = (str(case.operation.definition.raw["operationId"]), response.status_code)
    if seen not in _SEEN:
        _SEEN.add(seen)
        with Path(os.environ["FUZZ_SEEN"]).open("a", encoding="utf-8") as file:
            file.write(f"{seen[0]} {seen[1]}\n")


def _is_guessable(password: str, account: dict[str, Any]) -> bool:
    email, name = str(account.get("email", "")), str(account.get("name", ""))
    return fold_password(password) in _COMMON_PASSWORDS or is_own(password, email=email, name=name)


def _now_and_then(value: object) -> bool:
    """True for about half of the values, and always for the same ones."""
    return zlib.crc32(repr(value).encode()) % 2 == 0


def _name_what_there_is(case: Case[Any]) -> None:
    """Ask for something that exists, half of the time; only the spare endpoint is ever deleted."""
    operation = case.operation.definition.raw["operationId"]
    existing = _now_and_then([operation, case.path_parameters, case.query, case.body])
    endpoint = "FUZZ_SPARE" if case.operation.method.upper() == "DELETE" else "FUZZ_ENDPOINT"
    for name, variable in (
        ("client_id", "FUZZ_CLIENT_ID"),
        ("update_id", "FUZZ_UPDATE_ID"),
        ("endpoint_id", endpoint),
        ("delivery_id", "FUZZ_DELIVERY"),
    ):
        if name in case.path_parameters and existing:
            case.path_parameters[name] = os.environ[variable]
    if operation in {"track", "print_label"} and existing:
        case.path_parameters["tracking_code"] = os.environ["FUZZ_TRACKING_CODE"]
    if operation == "print_labels" and isinstance(case.body, dict):
        case.body["tracking_codes"] = [os.environ["FUZZ_TRACKING_CODE"] if existing else "EE876543216CA"]


def _cursor(path: str, sort: Any) -> str:
    """A cursor as a page of this kind and order would have given it out."""
    if "deliveries" in path:
        return encode_cursor("deliveries", uuid.uuid4().hex)
    if "status" in path:
        return encode_cursor("status_updates", 7)
    if "/admin/" in path:
        return encode_cursor("clients" if path.endswith("/clients") else "audit_log", str(uuid.uuid4()))
    return encode_cursor(sort, 7, _PAST)


def _with_check_digit(code: str) -> str:
    """The code as it is, or with the right check digit where the shape was all that it kept."""
    normal = normalize_tracking_code(code)
    return code if is_tracking_code(normal) else f"{normal[:10]}{check_digit(normal[2:10])}{normal[11:]}"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in this value, at any depth."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _objects(item)


def _keep_the_rules(place: dict[str, Any]) -> None:
    """References are unique in a batch, documents have their check digits, and what happened and what ends are on the right side of now.

    Whole numbers are written without a decimal point: JSON Schema takes 7.0 for one, the service asks what was meant.
    """
    for name, value in place.items():
        if isinstance(value, float) and value.is_integer():
            place[name] = int(value)
    if place.get("document") is not None and not _is_document(place["document"]):
        place["document"] = _DOCUMENTS[len(place["document"]) % len(_DOCUMENTS)]
    if place.get("reference") is not None:
        place["reference"] = f"{place['reference'][:60]}{uuid.uuid4().hex}"
    for name in ("posted_at", "occurred_at"):
        if place.get(name) is not None and parse_timestamp(place[name]) > datetime.now(UTC) + timedelta(minutes=4):
            place[name] = _PAST
    if place.get("expires_at") is not None and parse_timestamp(place["expires_at"]) < datetime.now(UTC):
        place["expires_at"] = _TO_COME


def _is_document(text: str) -> bool:
    try:
        return bool(TypeAdapter(Document).validate_python(text))
    except ValidationError:
        return False
