"""The kinds of field that shapes are made of: each says what it accepts, and why it refuses."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args
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
# RFC 3339, section 5.6; the offset is not optional. At most microseconds, which is what PostgreSQL keeps.
_TIMESTAMP: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# A CPF, or a CNPJ (since July 2026 with letters in its first twelve places).
_DOCUMENT: Final = re.compile(r"[0-9]{11}|[0-9A-Z]{12}[0-9]{2}")
_MONEY: Final = re.compile(r"\d{1,10}(\.\d{1,2})?", re.ASCII)
# C0 and C1 controls but for tab and line breaks, and the surrogates: PostgreSQL refuses some, no reader wants the others.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_METADATA_KEY: Final = 40
_METADATA_TEXT: Final = 500
_WHOLE: Final = 2**53 - 1  # what every reader of JSON keeps exactly


def parse_timestamp(value: object) -> datetime:
    """RFC 3339 text with an offset, or an aware datetime, as a datetime in UTC; ValueError says what is wrong."""
    if isinstance(value, str):
        if not _TIMESTAMP.fullmatch(value):
            raise ValueError("must be an RFC 3339 time with an offset, such as 2026-03-01T14:30:00-03:00")
        value = datetime.fromisoformat(value.upper())
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be an RFC 3339 time with an offset, written as text")
    if not _FIRST_TIME <= value < _END_OF_TIME:
        raise ValueError(f"must lie between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return value.astimezone(UTC)


def _parse_date(value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        value = date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date written as YYYY-MM-DD")
    if not _FIRST_YEAR <= value.year < _LAST_YEAR:
        raise ValueError(f"must lie between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return value


def _parse_money(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _MONEY.fullmatch(value):
        raise ValueError('must be an amount in BRL written as text with at most two decimals, such as "72.90"')
    return Decimal(value).quantize(Decimal("0.01"))


def _printable(value: str) -> str:
    if _UNPRINTABLE.search(value):
        raise ValueError("must not contain control characters or lone surrogates")
    return value


def _clean_text(value: str) -> str:
    if not (stripped := _printable(value).strip()):
        raise ValueError("must not be blank")
    return stripped


def _normal_email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from error


def _normal_document(value: str) -> str:
    bare = re.sub(r"[.\-/ ]", "", value).upper()
    # The shape is looked at here too, because the library overlooks a line break at the end.
    if not _DOCUMENT.fullmatch(bare) or not (CPF().validate(bare) or CNPJ().validate(bare)):
        raise ValueError("is neither a CPF nor a CNPJ: the check digits do not match")
    return bare


def _normal_cep(value: str) -> str:
    bare = value.replace("-", "")
    if not re.fullmatch(r"\d{8}", bare, re.ASCII) or bare == "0" * 8:
        raise ValueError("must be a CEP of eight digits, such as 01310-100")
    return bare


def _bounded_metadata(value: dict[str, Any]) -> dict[str, Any]:
    for key, item in value.items():
        if not key or len(key) > _METADATA_KEY or _UNPRINTABLE.search(key):
            raise ValueError(f"must have keys of 1 to {_METADATA_KEY} printable characters")
        if isinstance(item, str) and (len(item) > _METADATA_TEXT or _UNPRINTABLE.search(item)):
            raise ValueError(f"must have texts of at most {_METADATA_TEXT} printable characters")
    return value


Timestamp = Annotated[
    datetime,
    BeforeValidator(parse_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-01T14:30:00-03:00"]}),
]
Id = Annotated[UUID, Field(strict=False)]
Day = Annotated[
    date, BeforeValidator(_parse_date), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-03-10"]})
]
Money = Annotated[
    Decimal,
    BeforeValidator(_parse_money),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$", "examples": ["72.90"]}),
]
Email = Annotated[
    str, Field(max_length=254), AfterValidator(_normal_email), WithJsonSchema({"type": "string", "format": "email"})
]
Document = Annotated[
    str,
    Field(max_length=20, description="A CPF or CNPJ, with or without punctuation; the check digits are verified."),
    AfterValidator(_normal_document),
]
Cep = Annotated[
    str,
    AfterValidator(_normal_cep),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{5}-?[0-9]{3}$", "examples": ["01310-100"]}),
]
Phone = Annotated[str, Field(pattern=r"^\+?[0-9() .-]{8,25}$", examples=["+55 11 91234-5678"])]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_clean_text)]
ShortText = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_clean_text)]
LongText = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_clean_text)]
Service = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", examples=["standard"])]
Password = Annotated[str, Field(min_length=8, max_length=256), AfterValidator(_printable)]
Grams = Annotated[int, Field(ge=1, le=1_000_000)]
CubicCentimetres = Annotated[int, Field(ge=1, le=100_000_000)]
Centimetres = Annotated[int, Field(ge=1, le=1_000)]
MetadataValue: TypeAlias = (
    str
    | bool
    | Annotated[int, Field(ge=-_WHOLE, le=_WHOLE)]
    | Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]
    | None
)
Metadata = Annotated[dict[str, MetadataValue], Field(max_length=20), AfterValidator(_bounded_metadata)]
