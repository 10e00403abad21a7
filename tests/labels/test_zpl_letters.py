"""ZPL as it is printed: a renderer with the letters of a printer's font draws every accent of Portuguese, and ^CI28 is why."""

import base64
import json
import shutil
import subprocess
import unicodedata
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from app.labels import zpl
from app.labels.items import Area, Line, dots
from app.labels.renderer import LabelRenderer
from tests.labels.samples import CODE, TRACKING_URL, codes_on, posting
from tests.service import PUBLIC_URL

RENDERER: Final = Path(__file__).parents[2] / ".tools/zpl/node_modules/zpl-renderer-js"
SCRIPT: Final = Path(__file__).with_name("zpl_renderer.cjs")
PORTUGUESE: Final = "ÁÂÃÀÇÉÊÍÓÔÕÚÜáâãàçéêíóôõúü"
SIZE: Final = 10.0
WIDTH, HEIGHT = 20, 20
BASELINE: Final = 14.0

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not RENDERER.exists(),
    reason="there is nothing here that draws ZPL with a printer's letters (with Node.js and npm: sh .ci/sync zpl)",
)


def drawn(labels: Sequence[bytes], *, width: float = WIDTH, height: float = HEIGHT) -> list[Image.Image]:
    """The labels as a printer with 8 dots a mm prints them."""
    asked = [{"zpl": label.decode(), "width": width, "height": height} for label in labels]
    done = subprocess.run(
        ["node", SCRIPT, RENDERER], input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=True
    )
    return [Image.open(BytesIO(base64.b64decode(picture))).convert("L") for picture in json.loads(done.stdout)]


def label_of(text: str) -> bytes:
    """A label with nothing but this text on it."""
    line = Line(Area(2, 2, WIDTH - 2, HEIGHT - 2), text, SIZE, BASELINE)
    return zpl.write_zpl([line], width=WIDTH, height=HEIGHT)


def without_accent(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


def bare_part(letter: str, picture: Image.Image) -> bytes:
    """What a letter and the same with an accent have in common: all below the accent, or all above the cedilla."""
    above_baseline = 0.2 if letter in "çÇ" else 0.65 if letter.isupper() else 0.45
    cut = dots(BASELINE - SIZE * above_baseline)
    top, bottom = (0, cut) if letter in "çÇ" else (cut, picture.height)
    return picture.crop((0, top, picture.width, bottom)).tobytes()


@pytest.mark.parametrize(("size", "width", "height"), [("a6", 105, 148), ("100x150", 100, 150)])
async def test_every_code_is_read_from_a_label_with_all_its_accents(size: str, width: int, height: int) -> None:
    labels = LabelRenderer(public_url=PUBLIC_URL)
    label = await labels.render_zpl(posting(), "a6" if size == "a6" else "100x150", data_matrix=True)
    labels.close()
    (picture,) = drawn([label], width=width, height=height)
    assert codes_on(picture) == [("Code128", CODE), ("DataMatrix", CODE), ("QRCode", TRACKING_URL)]


def test_every_letter_of_portuguese_is_the_letter_with_an_accent_of_its_own() -> None:
    letters = [*PORTUGUESE, *dict.fromkeys(map(without_accent, PORTUGUESE)), "?", "ªº°"]
    pictures = dict(zip(letters, drawn([label_of(letter) for letter in letters]), strict=True))
    assert len({picture.tobytes() for picture in pictures.values()}) == len(letters)
    for letter in PORTUGUESE:
        bare = without_accent(letter)
        assert bare_part(letter, pictures[letter]) == bare_part(letter, pictures[bare]), letter
        assert 0 in bare_part(letter, pictures[letter]), letter


def test_the_bytes_of_an_accent_are_utf_8_escaped_or_not_and_without_ci28_another_accent() -> None:
    text = PORTUGUESE[:3]
    label = label_of(text)
    plain = label.replace(b"^FH_", b"").replace(zpl.escape(text).encode(), text.encode())
    before = label.replace(b"^CI28", b"")
    assert len({label, plain, before}) == 3
    picture, of_plain, of_before = (picture.tobytes() for picture in drawn([label, plain, before]))
    assert picture == of_plain
    assert picture != of_before
