"""What comes out of a printer: every code is read by an independent decoder, every text is there, and 500 labels are one file."""

import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.core.threads import ThreadsBusy
from app.labels.font import Font
from app.labels.layout import Designer
from app.labels.pages import PAGES, Page, Size
from app.labels.pdf import PdfFile
from app.labels.renderer import LabelRenderer
from app.labels.text import readable
from tests.labels.samples import (
    CODE,
    LONGEST,
    RECIPIENT,
    TRACKING_URL,
    codes_on,
    picture_of,
    posting,
    text_of,
)
from tests.properties import examples
from tests.service import PUBLIC_URL

FONT = Font()
BARS = ("Code128", CODE)
SQUARE = ("DataMatrix", CODE)
QR = ("QRCode", TRACKING_URL)
# Letters as they are read back: what PDF readers join or split by themselves (combining marks, hyphens at line ends) stands elsewhere.
LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"], max_codepoint=0x1_FFFF, exclude_characters="ſƀ")
NAMES = st.text(LETTERS, min_size=1, max_size=100)


@pytest.fixture
def labels() -> Iterator[LabelRenderer]:
    renderer = LabelRenderer(public_url=f"{PUBLIC_URL}/")
    yield renderer
    renderer.close()


@pytest.mark.parametrize("page", PAGES)
async def test_every_code_of_a_pdf_is_read_by_another_decoder(labels: LabelRenderer, page: Page) -> None:
    pdf = await labels.render_pdf([posting()], page, data_matrix=True)
    assert codes_on(picture_of(pdf)) == [BARS, SQUARE, QR]


@pytest.mark.parametrize("page", ["a6", "100x150", "a4-1"])
async def test_every_code_of_a_png_is_read_by_another_decoder(labels: LabelRenderer, page: Page) -> None:
    png = await labels.render_png(posting(), page, data_matrix=True)
    assert codes_on(png) == [BARS, SQUARE, QR]
    picture = Image.open(BytesIO(png))
    assert set(picture.tobytes()) == {0, 255}
    assert picture.size == (round(PAGES[page].width * 8), round(PAGES[page].height * 8))


async def test_a_data_matrix_is_there_when_it_was_asked_for(labels: LabelRenderer) -> None:
    assert codes_on(await labels.render_png(posting(), "a6", data_matrix=False)) == [BARS, QR]


@pytest.mark.parametrize("code", ["EE876543216CA", "AB123100000IE", "AB000000005IE", "PH297898690BR", "ZP000000015BR"])
async def test_the_bars_say_the_code(labels: LabelRenderer, code: str) -> None:
    pdf = await labels.render_pdf([posting(tracking_code=code)], "a6", data_matrix=False)
    assert ("Code128", code) in codes_on(picture_of(pdf))
    assert f"{code[:2]} {code[2:11]} {code[11:]}" in text_of(pdf)


async def test_the_text_of_a_label_is_that_of_the_posting(labels: LabelRenderer) -> None:
    assert text_of(await labels.render_pdf([posting()], "a6", data_matrix=True)) == (
        "SERVIÇO EXPRESSO PESO 1,234 kg Ref.: pedido-1001 ZP 473124829 BR DESTINATÁRIO Ana Lúcia Conceição de Souza "
        "Rua das Flores, 45, ap. 12 Centro São José dos Campos - SP Acompanhe a entrega CEP 12243-000 REMETENTE "
        "Loja Azul Comércio de Livros Ltda. Avenida Independência, 1200 Jardim Sumaré Ribeirão Preto - SP CEP 14092-000"
    )


def _together(text: str) -> str:
    return "".join(text.split())


def assert_all_is_there(text: str, party: dict[str, Any], *, times: int) -> None:
    for name in ("name", "street", "number", "complement", "district", "city"):
        assert _together(text).count(_together(readable(party[name], FONT.draws, unknown="?"))) >= times, name


async def test_the_longest_address_is_all_there(labels: LabelRenderer) -> None:
    pdf = await labels.render_pdf([posting(sender=LONGEST, recipient=LONGEST)], "a6", data_matrix=True)
    assert_all_is_there(text_of(pdf), LONGEST, times=2)
    assert codes_on(picture_of(pdf)) == [BARS, SQUARE, QR]


@examples(25)
@given(st.fixed_dictionaries(dict.fromkeys(("name", "street", "number", "complement", "district", "city"), NAMES)))
def test_any_name_can_be_read_back_from_the_pdf(texts: dict[str, str]) -> None:
    party = {**RECIPIENT, **texts}
    file = PdfFile("a6")
    designer = Designer(FONT.draws, FONT.measure, 105, 148)
    file.add(designer.items(posting(recipient=party), TRACKING_URL, data_matrix=False))
    assert_all_is_there(text_of(file.finish()), party, times=1)


@pytest.mark.parametrize(("page", "on_a_page"), [("a6", 1), ("100x150", 1), ("a4-2", 2), ("a4-4", 4)])
async def test_many_labels_fill_pages_in_order(labels: LabelRenderer, page: Page, on_a_page: int) -> None:
    codes = [f"ZP{number:08}0BR" for number in range(5)]
    pdf = await labels.render_pdf([posting(tracking_code=code) for code in codes], page, data_matrix=False)
    with pypdfium2.PdfDocument(pdf) as document:
        pages = len(document)
        width, height = document[0].get_size()
    assert pages == -(-5 // on_a_page)
    assert (width * 25.4 / 72, height * 25.4 / 72) == pytest.approx((PAGES[page].width, PAGES[page].height), abs=0.01)
    for number in range(pages):
        expected = codes[number * on_a_page : (number + 1) * on_a_page]
        assert [text for kind, text in codes_on(picture_of(pdf, number)) if kind == "Code128"] == expected


async def test_500_labels_are_one_file_and_the_same_again(labels: LabelRenderer) -> None:
    printed = [posting(tracking_code=f"ZP{number:08}0BR") for number in range(500)]
    pdf = await labels.render_pdf(printed, "a4-4", data_matrix=False)
    with pypdfium2.PdfDocument(pdf) as document:
        assert len(document) == 125
    assert len(pdf) < 2_000_000
    assert ("Code128", "ZP000004990BR") in codes_on(picture_of(pdf, 124))


def test_500_labels_take_less_than_100_mb() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.labels"], capture_output=True, text=True, check=True, timeout=120
    )
    (megabytes,) = re.findall(r"^500 labels .* (\d+) MB more memory at the peak$", done.stdout, re.MULTILINE)
    assert int(megabytes) < 100


async def test_the_same_label_is_the_same_bytes(labels: LabelRenderer) -> None:
    assert len({await labels.render_pdf([posting()], "a6", data_matrix=True) for _ in range(2)}) == 1


async def test_more_labels_than_may_wait_are_refused_before_any_work(labels: LabelRenderer) -> None:
    with pytest.raises(ThreadsBusy):
        await labels.render_pdf([posting()] * 2_001, "a4-4", data_matrix=False)
    assert await labels.render_zpl(posting(), "a6", data_matrix=False)


@pytest.mark.parametrize("size", ["a6", "100x150"])
async def test_a_text_too_small_for_a_printer_is_sent_as_a_picture(labels: LabelRenderer, size: Size) -> None:
    commands = await labels.render_zpl(posting(sender=LONGEST, recipient=LONGEST), size, data_matrix=False)
    assert b"^GFA," in commands
    assert b"^A0" not in commands
