"""Shapes of postings."""

from decimal import Decimal
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from app.models.fields import (
    Centimetres,
    Cep,
    CubicCentimetres,
    Day,
    Document,
    Duration,
    Email,
    Grams,
    LongText,
    Metadata,
    Money,
    Name,
    Phone,
    Service,
    ShortText,
    Status,
    Timestamp,
    TrackingCode,
    Uf,
)
from app.models.shape import Cursor, NextCursor, PageLength, Query, Shape

Sort: TypeAlias = Literal["-created_at", "created_at", "-posted_at", "posted_at"]


class Party(Shape):
    """Who sends or receives: the place is needed, the street only for a label."""

    name: Name
    document: Document | None = None
    phone: Phone | None = None
    email: Email | None = None
    cep: Cep
    street: ShortText | None = None
    number: ShortText | None = None
    complement: ShortText | None = None
    district: ShortText | None = None
    city: ShortText
    uf: Uf


_EXAMPLE: dict[str, Any] = {
    "reference": "pedido-1001",
    "description": "Livros",
    "weight_g": 900,
    "length_cm": 30,
    "width_cm": 20,
    "height_cm": 12,
    "declared_value": "164.00",
    "sender": {
        "name": "Loja Azul",
        "document": "11.222.333/0001-81",
        "cep": "14092-000",
        "street": "Avenida Independência",
        "number": "1200",
        "city": "Ribeirão Preto",
        "uf": "SP",
    },
    "recipient": {
        "name": "Ana Souza",
        "document": "529.982.247-25",
        "phone": "+55 12 91234-5678",
        "cep": "12243-000",
        "street": "Rua das Flores",
        "number": "45",
        "complement": "ap. 12",
        "city": "São José dos Campos",
        "uf": "SP",
    },
    "metadata": {"canal": "site"},
    "estimated_delivery": "2026-12-04",
}


_SIDES: Final = ("length_cm", "width_cm", "height_cm")
_MEASURES: list[JsonValue] = [
    {
        "title": "By its volume",
        "required": ["volume_cm3"],
        "properties": {"volume_cm3": {"type": "integer"}, **{side: {"type": "null"} for side in _SIDES}},
    },
    {
        "title": "By its sides",
        "required": [*_SIDES],
        "properties": {"volume_cm3": {"type": "null"}, **{side: {"type": "integer"} for side in _SIDES}},
    },
]


class NewPosting(Shape):
    """A posting to be created: measured by its volume or by its three sides."""

    example: ClassVar[dict[str, Any]] = _EXAMPLE
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE], "oneOf": _MEASURES})

    reference: ShortText | None = Field(default=None, description="Your own number for it: unique among your postings.")
    description: LongText | None = None
    service: Service = "standard"
    weight_g: Grams
    volume_cm3: CubicCentimetres | None = Field(default=None, description="Leave it out when you send the three sides.")
    length_cm: Centimetres | None = None
    width_cm: Centimetres | None = None
    height_cm: Centimetres | None = None
    declared_value: Money = Decimal("0.00")
    sender: Party
    recipient: Party
    metadata: Metadata = Field(default_factory=dict)
    posted_at: Timestamp | None = Field(default=None, description="Now when left out; the past for imports.")
    estimated_delivery: Day | None = None

    @model_validator(mode="after")
    def _is_measured(self) -> Self:
        sides = [self.length_cm, self.width_cm, self.height_cm]
        if self.volume_cm3 is None and None in sides:
            raise ValueError("needs volume_cm3, or length_cm, width_cm and height_cm together")
        if self.volume_cm3 is not None and any(side is not None for side in sides):
            raise ValueError("takes volume_cm3 or the three sides, not both")
        return self

    @property
    def measured_volume_cm3(self) -> int:
        """The volume as given, or that of the three sides, in cm³."""
        if self.volume_cm3 is not None:
            return self.volume_cm3
        return (self.length_cm or 0) * (self.width_cm or 0) * (self.height_cm or 0)


class NewPostings(Shape):
    """Up to 1 000 postings: all of them are created, or none."""

    postings: list[NewPosting] = Field(min_length=1, max_length=1000)


class Posting(Shape):
    """A posting as its owner sees it. Weights in g, lengths in cm, volume in cm³, money in BRL."""

    tracking_code: TrackingCode
    test: bool = Field(description="Made with a test key: nothing is shipped.")
    client_id: UUID
    reference: str | None
    description: str | None
    service: Service
    weight_g: Grams
    volume_cm3: int = Field(ge=1)
    length_cm: Centimetres | None
    width_cm: Centimetres | None
    height_cm: Centimetres | None
    declared_value: Money
    freight_price: Money
    currency: Literal["BRL"] = "BRL"
    sender: Party
    recipient: Party
    metadata: Metadata
    status: Status
    status_at: Timestamp
    posted_at: Timestamp
    shipped_at: Timestamp | None
    delivered_at: Timestamp | None
    finished_at: Timestamp | None
    estimated_delivery: Day | None
    created_at: Timestamp


class Postings(Shape):
    """The postings that were created, in the order asked for."""

    postings: list[Posting]


class PostingPage(Shape):
    """A page of postings; `next_cursor` is None on the last one."""

    postings: list[Posting]
    next_cursor: NextCursor | None


class PostingQuery(Query):
    """Which postings a page shows, and in which order. Of a range, the second time is not part."""

    status: Status | None = None
    reference: ShortText | None = None
    created_from: Timestamp | None = None
    created_to: Timestamp | None = None
    posted_from: Timestamp | None = None
    posted_to: Timestamp | None = None
    recipient_city: ShortText | None = None
    recipient_uf: Uf | None = None
    recipient_cep: str | None = Field(default=None, pattern="^[0-9]{1,8}$", description="The CEP, or how it begins.")
    stalled_for: Duration | None = Field(
        default=None, description="Not finished, and without a step for this long: an ISO 8601 duration."
    )
    search: ShortText | None = Field(
        default=None, description="Part of the tracking code, reference, description or recipient's name."
    )
    sort: Sort = "-created_at"
    cursor: Cursor | None = None
    limit: PageLength = 50
