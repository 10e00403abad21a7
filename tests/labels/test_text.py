"""Text on paper: nothing vanishes, whatever it is written in and however long it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.labels import zpl
from app.labels.font import LEADING, Font
from app.labels.text import fit, readable, wrap
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


def test_a_short_text_is_as_large_as_it_may_be() -> None:
    assert fit(["Ana"], FONT.measure, width=40, height=12, size=5, leading=LEADING).size == 5
