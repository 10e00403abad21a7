"""Shapes of labels: which are asked for, and what is sent."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field

from app.models.fields import WrittenCode
from app.models.shape import Query, Shape

LabelFormat: TypeAlias = Literal["pdf", "zpl", "png"]
LabelSize: TypeAlias = Literal["a6", "100x150", "a4"]
ExtraCode: TypeAlias = Literal["none", "data_matrix"]
Sheet: TypeAlias = Literal["a4-4", "a4-2", "a6", "100x150"]

_EXTRA_CODE: str = "A second square code with the tracking code, for scanners that prefer it."


class LabelQuery(Query):
    """How one label is wanted. ZPL is for label printers, and knows no A4."""

    format: LabelFormat = Field(
        default="pdf", description="PDF; PNG with 8 dots a mm; ZPL II for printers with 8 dots a mm."
    )
    size: LabelSize = Field(
        default="a6",
        description="A6 (105 by 148 mm), 100 by 150 mm, or an A4 sheet with the label in its first quarter.",
    )
    extra_code: ExtraCode = Field(default="none", description=_EXTRA_CODE)


class LabelsRequest(Shape):
    """Labels for up to 500 postings, in one PDF."""

    example: ClassVar[dict[str, Any]] = {
        "tracking_codes": ["ZP473124829BR", "ZP906541882BR"],
        "sheet": "a4-4",
        "extra_code": "none",
    }
    model_config = ConfigDict(json_schema_extra={"examples": [example]})

    tracking_codes: list[WrittenCode] = Field(
        min_length=1, max_length=500, description="Each is printed once, in this order."
    )
    sheet: Sheet = Field(
        default="a4-4",
        description="Four A6 labels or two large ones on a sheet of A4, with cut marks; or one label a page, for label printers.",
    )
    extra_code: ExtraCode = Field(default="none", description=_EXTRA_CODE)


@dataclass(frozen=True, slots=True)
class LabelFile:
    """What is sent: the bytes, what they are, and what to call them."""

    content: bytes
    media_type: str
    name: str
