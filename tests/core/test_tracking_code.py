"""Tracking codes: shape and check digit of S10, read here and made in the database."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.tracking_code import check_digit, is_tracking_code, normalize_tracking_code
from tests.db.rows import Connection
from tests.properties import examples

VALID = ["EE876543216CA", "RR473124829GB", "AB123100000IE", "AB000000005IE", "PH297898690BR"]
MISTYPED = ["RR123456789CN", "SS123456789BR", "BB123456789BR"]


@pytest.mark.parametrize("code", VALID)
def test_a_real_code_is_valid(code: str) -> None:
    assert is_tracking_code(code)


@pytest.mark.parametrize("code", MISTYPED)
def test_a_wrong_check_digit_is_seen(code: str) -> None:
    assert not is_tracking_code(code)


@pytest.mark.parametrize("code", VALID)
def test_only_one_of_ten_check_digits_is_right(code: str) -> None:
    assert [digit for digit in "0123456789" if is_tracking_code(code[:10] + digit + code[11:])] == [code[10]]


@pytest.mark.parametrize("code", VALID)
def test_no_swap_of_neighbours_goes_unseen(code: str) -> None:
    for place in range(2, 9):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert swapped == code or not is_tracking_code(swapped)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ZP473124829B",
        "ZP473124829BRA",
        "ZP4731248290BR",
        "Z1473124829BR",
        "zp473124829br",
        "ZP473124829BR\n",
        " ZP473124829BR",
        "ÇP473124829BR",
        "ZP47312482\u0669BR",  # a nine in Arabic
        "ZP47312482\uff19BR",  # a wide nine
    ],
)
def test_another_shape_is_not_a_code(text: str) -> None:
    assert not is_tracking_code(text)


@pytest.mark.parametrize("prefix", ["ZP", "AA", "ZZ", "QQ"])
def test_no_prefix_is_better_than_another(prefix: str) -> None:
    assert is_tracking_code(f"{prefix}473124829BR")


@pytest.mark.parametrize("text", ["ZP 473124829 BR", "zp473124829br", " ZP-473-124-829-BR\n", "Zp\t473\u00a0124829bR"])
def test_a_code_is_read_however_a_person_writes_it(text: str) -> None:
    assert normalize_tracking_code(text) == "ZP473124829BR"


@pytest.mark.parametrize("text", ["ß473124829BR", "ZP473124829ﬀ", "\u0131P473124829BR"])
def test_a_letter_that_only_becomes_two_or_another_as_a_capital_makes_no_code(text: str) -> None:
    assert not is_tracking_code(normalize_tracking_code(text))


@examples(100)
@given(st.text())
def test_any_text_is_read_without_failing(text: str) -> None:
    normal = normalize_tracking_code(text)
    assert is_tracking_code(normal) in (True, False)
    assert normalize_tracking_code(normal) == normal


@examples(100)
@given(st.from_regex(r"[0-9]{8}", fullmatch=True, alphabet="0123456789"), st.integers(1, 9), st.integers(0, 7))
def test_no_mistyped_digit_goes_unseen_but_where_the_standard_maps_two_remainders_to_one(
    serial: str, more: int, place: int
) -> None:
    mistyped = serial[:place] + str((int(serial[place]) + more) % 10) + serial[place + 1 :]
    if check_digit(mistyped) == check_digit(serial):
        assert check_digit(serial) in (0, 5)


async def test_the_database_and_python_agree_on_check_digits(connection: Connection) -> None:
    serials = [*random.sample(range(10**8), 10_000), 0, 10**8 - 1]
    rows = await connection.fetch("SELECT n, s10_check_digit(n) AS digit FROM unnest($1::integer[]) AS n", serials)
    assert {row["n"]: row["digit"] for row in rows} == {n: str(check_digit(f"{n:08}")) for n in serials}
