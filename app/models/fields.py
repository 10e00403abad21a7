"""The kinds of field that shapes are made of: each says what it accepts, and why it refuses."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeGuard, get_args
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from validate_docbr import CNPJ, CPF

Status: TypeAlias = Literal["pending", "shipped", "delivered", "returned", "cancelled"]
Uf: TypeAlias = Literal[
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ", "RN", "RO",
    "RR", "RS", "SC", "SE", "SP", "TO",
]  # fmt: skip
"""The 27 federative units of Brazil."""
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

# Outside these years a time is a mistake, and PostgreSQL, Python and JavaScript begin to disagree about it.
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2100
_FIRST_TIME: Final = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
_END_OF_TIME: Final = datetime(_LAST_YEAR, 1, 1, tzinfo=UTC)
# The patterns below are what the OpenAPI document tells of a field, and what the field itself is matched against: they cannot differ.
_DATE: Final = r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
# RFC 3339, section 5.6; the offset is not optional. At most microseconds, which is what PostgreSQL keeps; no leap seconds, which it
# would move; no years that are mistakes.
_TIMESTAMP: Final = (
    _DATE + r"[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
# RFC 3339, appendix A, without the years and months that have no length of their own.
_N: Final = "[0-9]{1,5}"
_HOURS: Final = f"T({_N}H({_N}M({_N}S)?)?|{_N}M({_N}S)?|{_N}S)"
_DURATION: Final = f"P([0-9]{{1,3}}W|[0-9]{{1,4}}D({_HOURS})?|{_HOURS})"
# A CPF, or a CNPJ (since July 2026 with letters in its first twelve places).
_DOCUMENT: Final = (
    r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}"
    r"|[0-9A-Za-z]{2}\.?[0-9A-Za-z]{3}\.?[0-9A-Za-z]{3}/?[0-9A-Za-z]{4}-?[0-9]{2}"
)
_CPF_LENGTH: Final = 11
_MONEY: Final = r"[0-9]{1,10}(\.[0-9]{1,2})?"
_CEP: Final = r"(?!00000-?000$)[0-9]{5}-?[0-9]{3}"
_UUID: Final = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_PHONE: Final = r"\+?[0-9() .-]{8,25}"
_SERVICE: Final = r"[a-z0-9][a-z0-9_-]{0,39}"
TRACKING_CODE: Final = r"[A-Z]{2}[0-9]{9}[A-Z]{2}"
# C0 and C1 controls but for tab and line breaks, and the surrogates: PostgreSQL refuses some, no reader wants the others. (A pattern
# of JSON Schema cannot name surrogates, and need not: no text in UTF-8 holds one.)
_CONTROLS: Final = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
_SPACES: Final = r"\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_PRINTABLE: Final = f"[^{_CONTROLS}]*"
_TEXT: Final = f"[^{_CONTROLS}]*[^{_CONTROLS}{_SPACES}][^{_CONTROLS}]*"
_UNPRINTABLE: Final = re.compile(f"[{_CONTROLS}\\ud800-\\udfff]")

_METADATA_KEY: Final = 40
_METADATA_TEXT: Final = 500
_WHOLE: Final = 2**53 - 1  # what every reader of JSON keeps exactly


def _schema(pattern: str, **more: Any) -> dict[str, Any]:
    """What JSON Schema says of a text that is this pattern from its beginning to its end."""
    return {"type": "string", "pattern": f"^({pattern})$", **more}


# What re keeps of a pattern is found again in twice the time of the match itself.
_compiled: Final = cache(re.compile)


def _fits(value: object, pattern: str) -> TypeGuard[str]:
    return isinstance(value, str) and _compiled(pattern).fullmatch(value) is not None


def parse_timestamp(value: object) -> datetime:
    """RFC 3339 text with an offset, or an aware datetime, as a datetime in UTC; ValueError says what is wrong."""
    if isinstance(value, str):
        if not _fits(value, _TIMESTAMP):
            raise ValueError(
                "must be an RFC 3339 time with an offset, of the years 2000 to 2099, such as 2026-03-01T14:30:00-03:00"
            )
        value = datetime.fromisoformat(value.upper())
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be an RFC 3339 time with an offset, written as text")
    if not _FIRST_TIME <= value < _END_OF_TIME:
        raise ValueError(f"must lie between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return value.astimezone(UTC)


def _parse_date(value: object) -> date:
    if _fits(value, _DATE):
        value = date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date of the years 2000 to 2099, written as YYYY-MM-DD")
    if not _FIRST_YEAR <= value.year < _LAST_YEAR:
        raise ValueError(f"must lie between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return value


def _parse_duration(value: object) -> timedelta:
    if not _fits(value, _DURATION):
        raise ValueError(
            "must be an ISO 8601 duration in weeks, or in days, hours, minutes and seconds, such as P3D or PT36H"
        )
    amounts = {unit: int(amount) for amount, unit in re.findall("([0-9]+)([A-Z])", value)}
    return timedelta(
        weeks=amounts.get("W", 0),
        days=amounts.get("D", 0),
        hours=amounts.get("H", 0),
        minutes=amounts.get("M", 0),
        seconds=amounts.get("S", 0),
    )


def parse_count(value: object) -> object:
    """A query string has nothing but text; what reads it would take `1_0`, `5.0` and ` 5` for numbers too."""
    if isinstance(value, str):
        if not re.fullmatch("0|-?[1-9][0-9]{0,8}", value):
            raise ValueError("must be a whole number written in digits")
        return int(value)
    return value


def _parse_uuid(value: object) -> object:
    if isinstance(value, str) and not _fits(value, _UUID):
        raise ValueError("must be a UUID written in five groups with hyphens between them")
    return value


_CENT: Final = Decimal("0.01")


def _parse_money(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not _fits(value, _MONEY):
        raise ValueError('must be an amount in BRL written as text with at most two decimals, such as "72.90"')
    return Decimal(value).quantize(_CENT)


def _printable(value: str) -> str:
    # isprintable() refuses more than is refused here, but tells of most texts in an eighth of the time that they are fine.
    if not value.isprintable() and _UNPRINTABLE.search(value):
        raise ValueError("must not contain control characters or lone surrogates")
    return value


def _clean_text(value: str) -> str:
    if not (stripped := _printable(value).strip()):
        raise ValueError("must not be blank")
    return stripped


def normal_email(value: str) -> str:
    """The one form of all in which the same address can be written; ValueError when it is none."""
    try:
        return validate_email(value, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from error


_WITHOUT_PUNCTUATION: Final = str.maketrans("", "", ".-/")
_is_cpf: Final = CPF().validate
# Thousands of parcels have the same sender. A person's document is not kept.
_is_cnpj: Final = lru_cache(maxsize=1_000)(CNPJ().validate)


def _normal_document(value: str) -> str:
    bare = value.translate(_WITHOUT_PUNCTUATION).upper() if _fits(value, _DOCUMENT) else ""
    if not (_is_cpf if len(bare) == _CPF_LENGTH else _is_cnpj)(bare):
        raise ValueError("is neither a CPF nor a CNPJ: the check digits do not match")
    return bare


def _normal_cep(value: str) -> str:
    if not _fits(value, _CEP):
        raise ValueError("must be a CEP of eight digits, such as 01310-100")
    return value.replace("-", "")


def _bounded_metadata(value: dict[str, Any]) -> dict[str, Any]:
    for key, item in value.items():
        if not key or len(key) > _METADATA_KEY or _UNPRINTABLE.search(key):
            raise ValueError(f"must have keys of 1 to {_METADATA_KEY} printable characters")
        if isinstance(item, str) and (len(item) > _METADATA_TEXT or _UNPRINTABLE.search(item)):
            raise ValueError(f"must have texts of at most {_METADATA_TEXT} printable characters")
    return value


_OF_TEXT: Final = _schema(_TEXT)
_OF_PRINTABLE: Final = _schema(_PRINTABLE)

Timestamp = Annotated[
    datetime,
    BeforeValidator(parse_timestamp),
    WithJsonSchema(_schema(_TIMESTAMP, format="date-time", examples=["2026-03-01T14:30:00-03:00"])),
]
Expiry = Annotated[
    datetime,
    BeforeValidator(parse_timestamp),
    WithJsonSchema(_schema(_TIMESTAMP, format="date-time", examples=["2098-03-01T00:00:00-03:00"])),
]
Day = Annotated[
    date, BeforeValidator(_parse_date), WithJsonSchema(_schema(_DATE, format="date", examples=["2026-03-10"]))
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_parse_duration),
    WithJsonSchema(_schema(_DURATION, format="duration", examples=["P3D"])),
]
Id = Annotated[UUID, BeforeValidator(_parse_uuid), Field(strict=False), WithJsonSchema(_schema(_UUID, format="uuid"))]
Money = Annotated[
    Decimal,
    BeforeValidator(_parse_money),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    WithJsonSchema(_schema(_MONEY, examples=["72.90"])),
]
# idn-email, because letters beyond ASCII are fine on both sides of the @.
Email = Annotated[
    str,
    Field(min_length=3, max_length=254, json_schema_extra={"format": "idn-email"}),
    AfterValidator(normal_email),
]
Document = Annotated[
    str,
    Field(
        max_length=18,
        description="A CPF or CNPJ, with or without punctuation; the check digits are verified.",
        json_schema_extra=_schema(_DOCUMENT, format="cpf-or-cnpj", examples=["529.982.247-25"]),
    ),
    AfterValidator(_normal_document),
]
Cep = Annotated[
    str,
    AfterValidator(_normal_cep),
    WithJsonSchema(_schema(_CEP, format="cep", examples=["01310-100"])),
]
Phone = Annotated[str, Field(pattern=f"^{_PHONE}$", examples=["+55 11 91234-5678"])]
TrackingCode = Annotated[
    str, WithJsonSchema(_schema(TRACKING_CODE, format="tracking-code", examples=["ZP473124829BR"]))
]
# The length is that of the text as it was sent: it is looked at before the spaces around it are taken away.
Name = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra=_OF_TEXT), AfterValidator(_clean_text)]
ShortText = Annotated[str, Field(min_length=1, max_length=100, json_schema_extra=_OF_TEXT), AfterValidator(_clean_text)]
LongText = Annotated[str, Field(min_length=1, max_length=500, json_schema_extra=_OF_TEXT), AfterValidator(_clean_text)]
Username = Annotated[str, Field(min_length=1, max_length=254, json_schema_extra=_OF_TEXT), AfterValidator(_clean_text)]
WrittenCode = Annotated[
    str, Field(min_length=1, max_length=40, json_schema_extra=_OF_TEXT), AfterValidator(_clean_text)
]
WrittenCodes = Annotated[
    str, Field(min_length=1, max_length=1000, json_schema_extra=_OF_TEXT), AfterValidator(_clean_text)
]
FormText = Annotated[str, Field(max_length=500, json_schema_extra=_OF_PRINTABLE), AfterValidator(_printable)]
TokenText = Annotated[str, Field(max_length=4096, json_schema_extra=_OF_PRINTABLE), AfterValidator(_printable)]
Service = Annotated[str, Field(pattern=f"^{_SERVICE}$", examples=["standard"])]
Password = Annotated[
    str,
    Field(min_length=8, max_length=256, json_schema_extra={**_OF_PRINTABLE, "format": "password"}),
    AfterValidator(_printable),
]
TriedPassword = Annotated[
    str, Field(min_length=1, max_length=256, json_schema_extra=_OF_PRINTABLE), AfterValidator(_printable)
]
Grams = Annotated[int, Field(ge=1, le=1_000_000)]
CubicCentimetres = Annotated[int, Field(ge=1, le=100_000_000)]
Centimetres = Annotated[int, Field(ge=1, le=1_000)]
MetadataValue: TypeAlias = (
    Annotated[str, Field(json_schema_extra=_schema(_PRINTABLE, maxLength=_METADATA_TEXT))]
    | bool
    | Annotated[int, Field(ge=-_WHOLE, le=_WHOLE)]
    | Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]
    | None
)
Metadata = Annotated[
    dict[str, MetadataValue],
    Field(
        max_length=20,
        json_schema_extra={"propertyNames": _schema(_PRINTABLE, minLength=1, maxLength=_METADATA_KEY)},
    ),
    AfterValidator(_bounded_metadata),
]
