"""ZPL as a label printer reads it: an independent parser and renderer find our commands, our texts and our codes, and nothing else."""

import re
import unicodedata
from functools import partial
from io import BytesIO
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from zplkit import Options, render
from zplkit.parse import parse
from zplkit.rendering import Limits

from app.labels import zpl
from app.labels.font import Font
from app.labels.items import Line
from app.labels.layout import Designer
from app.labels.renderer import LabelRenderer
from app.models.postings import Posting
from tests.labels.samples import CODE, LONGEST, RECIPIENT, TRACKING_URL, codes_on, posting
from tests.properties import examples
from tests.service import PUBLIC_URL

FONT: Final = Font()
SIZES: Final = {"a6": (105.0, 148.0), "100x150": (100.0, 150.0)}
EVERYTHING: Final = [("Code128", CODE), ("DataMatrix", CODE), ("QRCode", TRACKING_URL)]
NASTY: Final = (
    "^XZ^XA^FDgone^FS", "~JA", "~DGR:X.GRF,1,1,00", "_5EXZ", "_", "__", r"\&", "^FS^FO0,0^GB800,1200,800^FS", "^CC+", "~CT!", "^CD;",
    "\u202e^XZ", "Ana\n^XZ", "\uff3e\uff38\uff3a", "\u02dcJA", "\u2038^",
)  # fmt: skip
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)


def designer(size: str) -> Designer:
    return Designer(zpl.draws, partial(zpl.measure, FONT), *SIZES[size])


def written(printed: Posting, size: str = "a6") -> bytes:
    width, height = SIZES[size]
    return zpl.write_zpl(designer(size).items(printed, TRACKING_URL, data_matrix=True), width=width, height=height)


def commands_of(label: bytes) -> list[tuple[str, bytes]]:
    """The commands and their parameters, as an independent parser splits them."""
    elements = [(element.kind, element.data.rstrip(b"\n")) for element in parse(label).elements]
    assert {kind for kind, _ in elements} <= {"format_command", "control_character"}
    commands = [data for kind, data in elements if kind == "format_command"]
    return [(data[:3].decode(), data[3:]) for data in commands]


def texts_of(label: bytes) -> list[str]:
    """The texts, as a printer with ^CI28 and ^FH reads them."""
    texts = []
    hexadecimal = False
    for name, data in commands_of(label):
        if name == "^FH":
            hexadecimal = True
        elif name == "^FD":
            assert hexadecimal or data.isalnum()
            texts.append(re.sub(rb"_([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), data).decode())
        elif name == "^FS":
            hexadecimal = False
    return texts


def without_accents(party: dict[str, Any]) -> dict[str, Any]:
    """The renderer has no glyphs for most of them."""
    return {name: unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode() for name, text in party.items()}


@pytest.mark.parametrize("size", SIZES)
def test_every_code_is_read_from_the_rendered_label(size: str) -> None:
    party = without_accents(RECIPIENT)
    label = written(posting(sender=party, recipient=party), size)
    # Captions have accents too.
    for accented, plain in ((b"_C3_87", b"C"), (b"_C3_81", b"A")):
        label = label.replace(accented, plain)
    width, height = (round(side * 8) for side in SIZES[size])
    (scene,) = render(label, Options(width=width, height=height)).labels
    assert (scene.width, scene.height) == (width, height)
    assert codes_on(scene.png()) == EVERYTHING


async def test_a_label_that_is_a_picture_is_rendered_too() -> None:
    labels = LabelRenderer(public_url=PUBLIC_URL)
    label = await labels.render_zpl(posting(sender=LONGEST, recipient=LONGEST), "a6", data_matrix=True)
    labels.close()
    limits = Limits(graphic_bytes=400_000, input_bytes=400_000, field_bytes=400_000)
    (scene,) = render(label, Options(width=840, height=1184), limits=limits).labels
    assert codes_on(scene.png()) == EVERYTHING


def test_the_texts_are_those_of_the_label() -> None:
    items = designer("a6").items(posting(), TRACKING_URL, data_matrix=True)
    lines = [item.text for item in items if isinstance(item, Line)]
    assert "Ana Lúcia Conceição de" in lines
    assert sorted(texts_of(written(posting()))) == sorted([*lines, CODE, CODE, f"MA,{TRACKING_URL}"])


def _skeleton(label: bytes) -> list[str]:
    return [name for name, _ in commands_of(label)]


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_is_taken_for_a_command(nasty: str) -> None:
    party = {**RECIPIENT, "name": nasty, "street": nasty, "city": nasty}
    label = written(posting(sender=party, recipient=party, reference=nasty))
    assert set(_skeleton(label)) == set(_skeleton(written(posting())))
    assert _skeleton(label).count("^XA") == _skeleton(label).count("^XZ") == 1


@examples(100)
@given(st.fixed_dictionaries(dict.fromkeys(("name", "street", "city"), TEXTS)))
def test_no_text_at_all_is_taken_for_a_command(texts: dict[str, str]) -> None:
    label = written(posting(recipient={**RECIPIENT, **texts}))
    assert label.isascii()
    items = designer("a6").items(posting(recipient={**RECIPIENT, **texts}), TRACKING_URL, data_matrix=True)
    lines = [item.text for item in items if isinstance(item, Line)]
    assert sorted(texts_of(label)) == sorted([*lines, CODE, CODE, f"MA,{TRACKING_URL}"])


@examples(100)
@given(TEXTS)
def test_escaped_text_holds_nothing_but_letters_digits_spaces_and_escapes(text: str) -> None:
    assert re.fullmatch("([A-Za-z0-9 ]|_[0-9A-F]{2})*", zpl.escape(text))
    assert (
        re.sub(rb"_([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), zpl.escape(text).encode())
        == text.encode()
    )


def test_a_field_at_the_edge_of_its_box_is_no_wider_than_the_box_on_a_printer() -> None:
    for character in "-~<>=+%'\"{}\\_@JMWi.":
        bare = f"^XA^PW4000^LL200^FT10,100^A0N,40,40^FH_^FD{zpl.escape('H' + character * 50 + 'H')}^FS^XZ"
        (scene,) = render(bare, Options(width=4000, height=200)).labels
        left, _, right, _ = ImageOps.invert(Image.open(BytesIO(scene.png())).convert("L")).getbbox() or (0, 0, 0, 0)
        assert 0 < right - left <= zpl.measure(FONT, f"H{character * 50}H") * 40, character
