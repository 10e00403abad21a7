"""Where things stand: inside the label, beside each other, and the bars as S10 wants them."""

from functools import partial
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.labels import zpl
from app.labels.font import Font
from app.labels.items import Area, Bars, Item, Line, Matrix, Rule
from app.labels.layout import Designer
from app.labels.pages import PAGES, Page
from app.models.postings import Posting
from tests.labels.samples import CODE, LONGEST, RECIPIENT, TRACKING_URL, posting
from tests.properties import examples

FONT = Font()
DESIGNERS = {
    f"{device} {size}": Designer(draws, measure, *size)
    for size in ((105.0, 148.0), (100.0, 150.0))
    for device, draws, measure in (("pdf", FONT.draws, FONT.measure), ("zpl", zpl.draws, partial(zpl.measure, FONT)))
}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)
# A public address may have 120 characters: the code that leads there is larger then.
ADDRESSES = (TRACKING_URL, f"https://{'x' * 112}/rastreio/{CODE}")


def overlap(one: Area, other: Area) -> bool:
    """Whether they share more than an edge."""
    tolerance = 0.01
    return (
        min(one.right, other.right) - max(one.left, other.left) > tolerance
        and min(one.bottom, other.bottom) - max(one.top, other.top) > tolerance
    )


def assert_apart(items: list[Item], width: float, height: float) -> None:
    for item in items:
        area = item.area
        assert 0 <= area.left <= area.right <= width, item
        assert 0 <= area.top <= area.bottom <= height, item
    for one, other in combinations(items, 2):
        if not (isinstance(one, Rule) and isinstance(other, Rule)):
            assert not overlap(one.area, other.area), (one, other)


@pytest.mark.parametrize("designer", DESIGNERS.values(), ids=DESIGNERS)
@pytest.mark.parametrize("data_matrix", [False, True])
@pytest.mark.parametrize("url", ADDRESSES)
@pytest.mark.parametrize(
    "printed",
    [
        posting(),
        posting(reference=None),
        posting(test=True),
        posting(test=True, sender=LONGEST, recipient=LONGEST, reference="🌻" * 100, service="w" * 40),
        posting(sender=LONGEST, recipient=LONGEST, reference="🌻" * 100, service="w" * 40, weight_g=1_000_000),
    ],
    ids=["plain", "short", "test", "longest test", "longest"],
)
def test_nothing_overlaps_and_nothing_leaves_the_label(
    designer: Designer, printed: Posting, url: str, data_matrix: bool
) -> None:
    items = designer.items(printed, url, data_matrix=data_matrix)
    assert_apart(items, designer.width, designer.height)


@examples(100)
@given(st.fixed_dictionaries(dict.fromkeys(("name", "street", "number", "complement", "district", "city"), TEXTS)))
def test_nothing_overlaps_with_any_address(texts: dict[str, Any]) -> None:
    party = {**RECIPIENT, **texts}
    for designer in DESIGNERS.values():
        items = designer.items(posting(sender=party, recipient=party), TRACKING_URL, data_matrix=True)
        assert_apart(items, designer.width, designer.height)


@pytest.mark.parametrize("designer", DESIGNERS.values(), ids=DESIGNERS)
@pytest.mark.parametrize("party", [RECIPIENT, LONGEST], ids=["plain", "longest"])
def test_nothing_is_written_as_large_as_the_cep(designer: Designer, party: dict[str, Any]) -> None:
    items = designer.items(posting(sender=party, recipient=party), TRACKING_URL, data_matrix=True)
    largest, second, *_ = sorted((item for item in items if isinstance(item, Line)), key=lambda line: -line.size)
    assert largest.text == f"CEP {party['cep'][:5]}-{party['cep'][5:]}"
    assert largest.size > max(10, 1.4 * second.size)


@pytest.mark.parametrize("designer", DESIGNERS.values(), ids=DESIGNERS)
@pytest.mark.parametrize("is_test", [False, True])
def test_of_a_test_posting_nothing_is_written_as_large_as_that_it_is_one(designer: Designer, is_test: bool) -> None:
    items = designer.items(posting(test=is_test, recipient=LONGEST), TRACKING_URL, data_matrix=True)
    lines = sorted((item for item in items if isinstance(item, Line)), key=lambda line: -line.size)
    said = [line.text for line in lines if "TEST" in line.text or "SHIP" in line.text]
    assert said == (["TESTE 99999-999", "TESTE - TEST", "NÃO ENVIAR - DO NOT SHIP"] if is_test else [])
    assert not is_test or (said[0], said[1]) == (lines[0].text, lines[1].text)


@pytest.mark.parametrize("page", PAGES)
def test_bars_keep_the_rules_of_s10(page: Page) -> None:
    (bars,) = [item for item in DESIGNERS["pdf (105.0, 148.0)"].items(posting(), TRACKING_URL, data_matrix=False)
               if isinstance(item, Bars)]  # fmt: skip
    for place in PAGES[page].places:
        module = min(width for _, width in bars.runs) * place.scale
        length = (bars.runs[-1][0] + bars.runs[-1][1] - bars.runs[0][0]) * place.scale
        assert 0.33 <= module <= 0.51
        assert bars.area.height * place.scale >= max(12.5, 0.15 * length)
        assert (bars.runs[0][0] - bars.area.left) * place.scale >= 10 * module - 1e-9
        assert (bars.area.right - bars.runs[-1][0] - bars.runs[-1][1]) * place.scale >= 10 * module - 1e-9


def test_bars_and_squares_stand_on_whole_dots() -> None:
    for item in DESIGNERS["pdf (105.0, 148.0)"].items(posting(), TRACKING_URL, data_matrix=True):
        if isinstance(item, Bars):
            assert all((left * 8).is_integer() and (width * 8).is_integer() for left, width in item.runs)
        if isinstance(item, Matrix):
            assert (item.area.left * 8).is_integer()
            assert (item.module * 8).is_integer()


def test_a_label_holds_no_document_phone_email_or_value() -> None:
    party = {**RECIPIENT, "document": "52998224725", "phone": "+55 12 91234-5678", "email": "ana@casa.com.br"}
    items = DESIGNERS["pdf (105.0, 148.0)"].items(
        posting(sender=party, recipient=party), TRACKING_URL, data_matrix=True
    )
    text = " ".join(item.text for item in items if isinstance(item, Line))
    assert not [secret for secret in ("529", "91234", "ana@") if secret in text]
