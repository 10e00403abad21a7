"""Postings to print, and an independent reader of what was printed."""

from io import BytesIO
from typing import Any, Final

import pypdfium2
import zxingcpp
from PIL import Image

from app.models.postings import Party, Posting
from tests.service import PUBLIC_URL

CODE: Final = "ZP473124829BR"
TRACKING_URL: Final = f"{PUBLIC_URL}/rastreio/{CODE}"

SENDER: Final[dict[str, Any]] = {
    "name": "Loja Azul Comércio de Livros Ltda.",
    "document": "11222333000181",
    "phone": "+55 16 3333-4444",
    "email": "ti@lojaazul.com.br",
    "cep": "14092000",
    "street": "Avenida Independência",
    "number": "1200",
    "district": "Jardim Sumaré",
    "city": "Ribeirão Preto",
    "uf": "SP",
}
RECIPIENT: Final[dict[str, Any]] = {
    "name": "Ana Lúcia Conceição de Souza",
    "document": "52998224725",
    "cep": "12243000",
    "street": "Rua das Flores",
    "number": "45",
    "complement": "ap. 12",
    "district": "Centro",
    "city": "São José dos Campos",
    "uf": "SP",
}
LONGEST: Final[dict[str, Any]] = {
    "name": "W" * 200,
    "cep": "99999999",
    "street": "M" * 100,
    "number": "9" * 100,
    "complement": "🌻" * 100,
    "district": "Ẫ" * 100,
    "city": "Ǽ" * 100,
    "uf": "MS",
}


def posting(*, sender: dict[str, Any] | None = None, recipient: dict[str, Any] | None = None, **fields: Any) -> Posting:
    """A posting that a label can be printed of."""
    values: dict[str, Any] = {
        "tracking_code": CODE,
        "test": False,
        "service": "expresso",
        "weight_g": 1234,
        "reference": "pedido-1001",
        "sender": Party.model_construct(**(sender or SENDER)),
        "recipient": Party.model_construct(**(recipient or RECIPIENT)),
    }
    return Posting.model_construct(**{**values, **fields})


def picture_of(pdf: bytes, page: int = 0, *, dots_per_mm: int = 12) -> Image.Image:
    """A page as a scanner would see it."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture: Image.Image = document[page].render(scale=dots_per_mm * 25.4 / 72).to_pil()
        return picture


def codes_on(picture: Image.Image | bytes) -> list[tuple[str, str]]:
    """Every code on the picture: its kind and what it says, as an independent decoder reads them."""
    image = Image.open(BytesIO(picture)) if isinstance(picture, bytes) else picture
    return sorted((found.format.name, found.text) for found in zxingcpp.read_barcodes(image.convert("L")))


def text_of(pdf: bytes, page: int = 0) -> str:
    """The text of a page with single spaces, as a reader of PDF has it."""
    with pypdfium2.PdfDocument(pdf) as document:
        text: str = document[page].get_textpage().get_text_range()
    # U+FFFE is what PDFium writes for a hyphen at the end of a line.
    return " ".join(text.replace("\ufffe", "-").split())
