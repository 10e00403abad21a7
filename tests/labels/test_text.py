"""Text on paper: nothing vanishes, whatever it is written in and however long it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.labels import zpl
from app.labels.font import LEADING, Font
from app.labels.items import Line
from app.labels.layout import Designer
from app.labels.pages import PAGES
from app.labels.text import Fitted, fit, readable, wrap
from app.models.postings import Posting
from tests.labels.samples import LONGEST, TRACKING_URL, posting
from tests.properties import examples

FONT = Font()
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)


@pytest.mark.parametrize(
    ("text", "on_paper", "on_a_printer"),
    [
        ("João D'Ávila-Peçanha nº 7", "João D'Ávila-Peçanha nº 7", "João D'Ávila-Peçanha nº 7"),
        ("Jo\u0061\u0303o", "João", "João"),
        ("Łódź, Nguyễn Đức", "Łódź, Nguyễn Đức", "Lódz, Nguyen Duc"),
        ("Ελλάδα Київ", "Ελλάδα Київ", "Ellada Kiiv"),
        ("王小明", "WangXiaoMing", "WangXiaoMing"),
        ("محمد", "mhmd", "mhmd"),
        ("Ana 🚀", "Ana :rocket:", "Ana :rocket:"),
        ("Ana \U0001faf0", "Ana ?", "Ana ?"),
        ("a\u202eb\u200dc\u00add\ufe0f", "abcd", "abcd"),
        ("a\t\n \u00a0b", "a b", "a b"),
        ("\ue000", "?", "?"),
        ("\u200d", "?", "?"),
    ],
)
def test_what_cannot_be_drawn_is_written_in_letters_that_can(text: str, on_paper: str, on_a_printer: str) -> None:
    assert readable(text, FONT.draws, unknown="?") == on_paper
    assert readable(text, zpl.draws, unknown="?") == on_a_printer


@examples(100)
@given(TEXTS)
def test_every_letter_digit_and_symbol_leaves_something(text: str) -> None:
    for draws in (FONT.draws, zpl.draws):
        written = readable(text, draws, unknown="?")
        assert written
        assert all(draws(character) for character in written)
        visible = [c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] in "LNSP"]
        assert len(written.replace(" ", "")) >= len(visible)
        assert readable(written, draws, unknown="?") == written


@examples(100)
@given(TEXTS, st.floats(0.5, 60))
def test_wrapping_loses_nothing_and_keeps_within_the_width(text: str, width: float) -> None:
    lines = wrap(text, FONT.measure, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line and (FONT.measure(line) <= width + 1e-9 or len(line) == 1) for line in lines)


@examples(100)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_every_text_fits_its_box(paragraphs: list[str]) -> None:
    fitted = fit(paragraphs, FONT.measure, width=40, height=12, size=5, leading=LEADING)
    assert len(fitted.lines) * fitted.size * LEADING <= 12
    assert all(FONT.measure(line) * fitted.size <= 40 + 1e-9 for line in fitted.lines)
    assert "".join("".join(fitted.lines).split()) == "".join("".join(paragraphs).split())


def test_no_character_becomes_a_sentence() -> None:
    for code in range(0x40000):  # beyond, Unicode has only tags, selectors and planes of nobody's
        character = unicodedata.normalize("NFC", chr(code))
        assert len(readable(character, FONT.draws, unknown="?")) <= 12 * len(character), hex(code)


@examples(100)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.floats(1, 60), st.floats(3, 20))
def test_a_size_that_is_passed_over_would_not_have_fitted(paragraphs: list[str], width: float, height: float) -> None:
    fitted = fit(paragraphs, FONT.measure, width=width, height=height, size=5, leading=LEADING)
    assert fitted == _largest_of_all(paragraphs, width, height)


def _largest_of_all(paragraphs: list[str], width: float, height: float) -> Fitted:
    """Every size is tried."""
    size = 5.0
    while True:
        lines = [line for paragraph in paragraphs for line in wrap(paragraph, FONT.measure, width / size)]
        if len(lines) * size * LEADING <= height:
            return Fitted(size, tuple(lines))
        size *= 0.94


@pytest.mark.parametrize("text", ["W" * 2400, "i" * 2400, ":rocket:" * 300, "W " * 1200, f"a {'W' * 33} " * 66])
def test_a_long_text_is_measured_a_few_times_and_not_at_every_size(text: str) -> None:
    measured = 0

    def measure(part: str) -> float:
        nonlocal measured
        measured += len(part)
        return FONT.measure(part)

    fit([text], measure, width=40, height=12, size=5, leading=LEADING)
    assert measured < 20 * len(text)


@pytest.mark.parametrize("character", ["\U0001faf0", "ﷺ", "\U0002b49a", "\ua672", "🌻"])
def test_a_label_has_no_more_letters_than_can_be_read_whatever_a_party_is_called(character: str) -> None:
    party = LONGEST | dict.fromkeys(("street", "number", "complement", "district", "city"), character * 100)
    party["name"] = character * 200
    assert _letters_on(posting(sender=party, recipient=party)) <= 2 * 700 * 12 + 200


def _letters_on(printed: Posting) -> int:
    designer = Designer(FONT.draws, FONT.measure, *PAGES["a6"].label)
    items = designer.items(printed, TRACKING_URL, data_matrix=False)
    return sum(len(item.text) for item in items if isinstance(item, Line))


def test_a_short_text_is_as_large_as_it_may_be() -> None:
    assert fit(["Ana"], FONT.measure, width=40, height=12, size=5, leading=LEADING).size == 5
