"""What a field accepts, and what it refuses: texts, documents, places, money, measures."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter, ValidationError

from app.models import fields
from tests.properties import examples

_STRICT = ConfigDict(strict=True)


def read(kind: Any, value: object) -> Any:
    """The value as a shape would read it."""
    return TypeAdapter(kind, config=_STRICT).validate_python(value)


def is_refused(kind: Any, value: object) -> bool:
    try:
        read(kind, value)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0", "0.00"), ("72.9", "72.90"), ("72.90", "72.90"), ("007.01", "7.01"), ("9999999999.99", "9999999999.99")],
)
def test_money_is_read_from_text_with_at_most_two_decimals(text: str, amount: str) -> None:
    money = read(fields.Money, text)
    assert str(money) == amount
    assert TypeAdapter(fields.Money).dump_python(money, mode="json") == amount


@pytest.mark.parametrize(
    "value",
    [
        "-1.00", "+1.00", "1.005", "1,50", "1.", ".5", "", " 1.00", "1.00\n", "1e3", "NaN", "Infinity", "-Infinity", "10000000000.00",
        "1_000", "R$ 1.00", "\u0661.00", "\uff11.00", 1, 1.5, True, None,
    ],
)  # fmt: skip
def test_money_is_never_guessed(value: object) -> None:
    assert is_refused(fields.Money, value)


def test_money_from_the_database_stays_what_it_is() -> None:
    assert read(fields.Money, Decimal("72.90")) == Decimal("72.90")


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("529.982.247-25", "52998224725"),
        ("52998224725", "52998224725"),
        ("11.222.333/0001-81", "11222333000181"),
        ("11222333000181", "11222333000181"),
        ("12ABC34501DE35", "12ABC34501DE35"),
        ("12.abc.345/01de-35", "12ABC34501DE35"),
    ],
)
def test_a_document_is_kept_bare(text: str, bare: str) -> None:
    assert read(fields.Document, text) == bare


@pytest.mark.parametrize(
    "value",
    [
        "529.982.247-26", "52998224752", "11222333000182", "12ABC34501DE36", "00000000000", "11111111111", "00000000000000", "",
        "5299822472", "529982247250", "AA52998224725", "52998224725\n", "12ABC34501DE35\n", "52998224725\u00a0",
        "\uff15\uff12\uff19\uff19\uff18\uff12\uff12\uff14\uff17\uff12\uff15", "\u0000", "\ud800", "5" * 5000, 52998224725, None,
    ],
)  # fmt: skip
def test_a_document_with_a_wrong_digit_or_shape_is_refused(value: object) -> None:
    assert is_refused(fields.Document, value)


@examples(300)
@given(
    st.one_of(
        st.text(max_size=20),
        st.from_regex(r"^(529\.?982\.?247-?25|11222333000181|12ABC34501DE35)$"),
        st.text("0123456789.-/ "),
    )
)
def test_every_document_that_is_read_has_the_shape_that_the_database_wants(text: str) -> None:
    if not is_refused(fields.Document, text):
        assert re.fullmatch("[0-9]{11}|[0-9A-Z]{12}[0-9]{2}", read(fields.Document, text))


@pytest.mark.parametrize("text", ["01310-100", "01310100"])
def test_a_cep_is_kept_as_eight_digits(text: str) -> None:
    assert read(fields.Cep, text) == "01310100"


@pytest.mark.parametrize(
    "value",
    [
        "0131010",
        "013101000",
        "00000-000",
        "0131O-100",
        "01310 100",
        "01310-100\n",
        "",
        "\uff10\uff11310100",
        1310100,
        None,
    ],
)
def test_another_cep_is_refused(value: object) -> None:
    assert is_refused(fields.Cep, value)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("TI@LojaAzul.com.br", "ti@lojaazul.com.br"),
        ("É@loja.com.br", "é@loja.com.br"),
        ("\u0130@a.com", "i\u0307@a.com"),
    ],
)
def test_an_email_is_kept_in_small_letters(text: str, normal: str) -> None:
    assert read(fields.Email, text) == normal


@pytest.mark.parametrize(
    "value",
    [
        "", "loja", "loja@", "@loja.com.br", "loja@localhost", "lo ja@loja.com.br", "loja@loja.com.br\n", "Loja <loja@loja.com.br>",
        "loja@[127.0.0.1]", "loja@loja..br", "lo\u0000ja@loja.com.br", "\ud800@loja.com.br",
        "a@" + "b" * 250 + ".br", 7, None,
    ],
)  # fmt: skip
def test_what_is_no_email_is_refused(value: object) -> None:
    assert is_refused(fields.Email, value)


@examples(200)
@given(st.one_of(st.emails(), st.builds("{}@loja.com.br".format, st.text(min_size=1, max_size=20))))
def test_every_email_that_is_read_is_normal_already(text: str) -> None:
    if not is_refused(fields.Email, text):
        email = read(fields.Email, text)
        assert email == email.lower() == read(fields.Email, email)
        assert 3 <= len(email) <= 254


TEXTS = [fields.Name, fields.ShortText, fields.LongText]


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize(
    "text",
    [
        "a\u0000",
        "\u0007",
        "a\u001bb",
        "a\u007f",
        "a\u0085b",
        "\ud800",
        "\udfffa",
        "",
        " ",
        "\n",
        "\u3000",
        7,
        None,
        b"a",
    ],
)
def test_a_text_that_cannot_be_stored_or_read_is_refused(kind: Any, text: object) -> None:
    assert is_refused(kind, text)


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("text", ["São José dos Campos", "linha\nlinha", "a\tb", "日本語", "👩\u200d🚀", "O'Hara; --"])
def test_any_printable_text_is_kept_as_it_is(kind: Any, text: str) -> None:
    assert read(kind, f"  {text}\n") == text


@pytest.mark.parametrize(("kind", "longest"), [(fields.Name, 200), (fields.ShortText, 100), (fields.LongText, 500)])
def test_a_text_has_its_bound_in_characters(kind: Any, longest: int) -> None:
    assert len(read(kind, "🚀" * longest)) == longest
    assert is_refused(kind, "a" * (longest + 1))


def test_a_password_is_kept_as_it_was_typed() -> None:
    assert read(fields.Password, "  correct horse  ") == "  correct horse  "


@pytest.mark.parametrize("value", ["1234567", "a" * 257, "correct\u0000horse", "correct \ud800 horse", 12345678, None])
def test_a_password_that_cannot_be_typed_is_refused(value: object) -> None:
    assert is_refused(fields.Password, value)


@pytest.mark.parametrize("kind", [fields.Grams, fields.CubicCentimetres, fields.Centimetres])
@pytest.mark.parametrize("value", [0, -1, True, "7", 7.0, 7.5, float("nan"), float("inf"), 2**31, 2**63, 10**400, None])
def test_a_measure_is_a_whole_number_from_1_on(kind: Any, value: object) -> None:
    assert is_refused(kind, value)


def test_an_id_is_written_in_one_way() -> None:
    text = "01a210dd-a2a7-7c47-b45d-34df666bd706"
    assert str(read(fields.Id, text.upper())) == text
    for other in (f"urn:uuid:{text}", f"{{{text}}}", text.replace("-", ""), f"{text}\n", "", 7, None):
        assert is_refused(fields.Id, other)


@pytest.mark.parametrize("text", ["+55 11 91234-5678", "(11) 1234-5678", "11912345678"])
def test_a_phone_is_kept_as_it_was_written(text: str) -> None:
    assert read(fields.Phone, text) == text


@pytest.mark.parametrize(
    "value", ["1234567", "1" * 26, "ramal 1234567", "11912345678\n", "+55+1191234567", 11912345678]
)
def test_another_phone_is_refused(value: object) -> None:
    assert is_refused(fields.Phone, value)


@pytest.mark.parametrize("value", ["Standard", "", "a b", "-a", "a" * 41, "standard\n", "expresso\u00e9"])
def test_a_service_is_a_short_word_in_small_letters(value: str) -> None:
    assert read(fields.Service, "next-day_10") == "next-day_10"
    assert is_refused(fields.Service, value)


@pytest.mark.parametrize("value", ["sp", "XX", "SPX", "", None, 35])
def test_a_uf_is_one_of_the_27(value: object) -> None:
    assert read(fields.Uf, "SP") == "SP"
    assert is_refused(fields.Uf, value)
