"""Pictures: drawn dot by dot, they show what the PDF shows; and sheets have marks where they are cut."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from app.labels.font import Font
from app.labels.items import Area, Line
from app.labels.pages import PAGES, Page
from app.labels.pdf import PdfFile
from app.labels.picture import Painter
from app.labels.renderer import LabelRenderer
from app.labels.text import readable
from tests.labels.samples import RECIPIENT, picture_of, posting
from tests.properties import examples
from tests.service import PUBLIC_URL

FONT: Final = Font()
PAINTER: Final = Painter(FONT)
DOTS: Final = 8
LONG: Final = {**RECIPIENT, "name": "Conceição Łukasz Nguyễn " * 8, "street": "Ελλάδα Київ ÁÃÇÕ úüªº " * 4}
# In mm, from where to where.
UPRIGHT: Final = [(105, 0, 105, 5), (105, 146, 105, 151), (105, 292, 105, 297)]
LEVEL: Final = [(0, 148.5, 5, 148.5), (102.5, 148.5, 107.5, 148.5), (205, 148.5, 210, 148.5)]
MARKS: Final = {"a4-1": UPRIGHT + LEVEL, "a4-2": LEVEL, "a4-4": UPRIGHT + LEVEL}


@pytest.fixture
def labels() -> Iterator[LabelRenderer]:
    renderer = LabelRenderer(public_url=PUBLIC_URL)
    yield renderer
    renderer.close()


def assert_the_same_ink(one: Image.Image, other: Image.Image) -> None:
    """Wherever one has ink, the other has some not more than two dots away."""
    one, other = (ImageOps.invert(each.convert("L").point(lambda grey: 255 * (grey > 127))) for each in (one, other))
    for left, right in ((one, other), (other, one)):
        assert ImageChops.subtract(left, right.filter(ImageFilter.MaxFilter(5))).getbbox() is None


@pytest.mark.parametrize("page", ["a6", "100x150", "a4-1"])
@pytest.mark.parametrize("party", [RECIPIENT, LONG], ids=["plain", "long"])
async def test_a_png_shows_what_the_pdf_shows(labels: LabelRenderer, page: Page, party: dict[str, Any]) -> None:
    async def png_to(city: str) -> Image.Image:
        printed = posting(recipient={**party, "city": city})
        return Image.open(BytesIO(await labels.render_png(printed, page, data_matrix=True)))

    png = await png_to("São José")
    pdf = await labels.render_pdf([posting(recipient={**party, "city": "São José"})], page, data_matrix=True)
    assert_the_same_ink(picture_of(pdf, dots_per_mm=DOTS).crop((0, 0, *png.size)), png)
    with pytest.raises(AssertionError):
        assert_the_same_ink(await png_to("Sao José"), png)


@pytest.mark.parametrize("page", PAGES)
def test_a_sheet_has_marks_where_it_is_cut_and_nowhere_else(page: Page) -> None:
    kind = PAGES[page]
    expected = Image.new("L", (round(kind.width * DOTS), round(kind.height * DOTS)), 255)
    for mark in MARKS.get(page, []):
        ImageDraw.Draw(expected).line([length * DOTS for length in mark], fill=0, width=2)
    file = PdfFile(page)
    file.add([])
    assert_the_same_ink(expected, picture_of(file.finish(), dots_per_mm=DOTS).crop((0, 0, *expected.size)))
    assert_the_same_ink(expected, PAINTER.paint([], kind))


@examples(100)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100), st.booleans())
def test_any_text_leaves_ink(text: str, bold: bool) -> None:
    line = Line(Area(5, 5, 100, 11), readable(text, FONT.draws, unknown="?"), 5, 10, bold)
    assert len(set(PAINTER.paint([line], PAGES["a6"]).tobytes())) > 1
