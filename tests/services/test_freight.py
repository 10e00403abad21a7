"""The price of carrying: R$ 2.50 per kg and R$ 0.001 per cm³, to the centavo."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.freight import FreightRates, freight_price
from tests.properties import examples

RATES = FreightRates(per_kg=Decimal("2.50"), per_cm3=Decimal("0.001"))


@pytest.mark.parametrize(
    ("weight_g", "volume_cm3", "price"),
    [
        (1000, 1000, "3.50"),
        (900, 7200, "9.45"),
        (1, 1, "0.00"),
        (2, 1, "0.01"),
        (1, 2, "0.00"),
        (1, 3, "0.01"),
        (1_000_000, 100_000_000, "102500.00"),
    ],
)
def test_weight_and_volume_make_the_price(weight_g: int, volume_cm3: int, price: str) -> None:
    assert str(freight_price(RATES, weight_g=weight_g, volume_cm3=volume_cm3)) == price


def test_half_a_centavo_is_rounded_up_and_never_to_even() -> None:
    rates = FreightRates(per_kg=Decimal(0), per_cm3=Decimal("0.005"))
    assert [str(freight_price(rates, weight_g=1, volume_cm3=volume)) for volume in (1, 3, 5)] == [
        "0.01",
        "0.02",
        "0.03",
    ]


def test_without_rates_carrying_is_free() -> None:
    assert str(freight_price(FreightRates(Decimal(0), Decimal(0)), weight_g=1000, volume_cm3=1000)) == "0.00"


@examples(100)
@given(st.integers(1, 1_000_000), st.integers(1, 100_000_000))
def test_a_heavier_or_larger_posting_never_costs_less(weight_g: int, volume_cm3: int) -> None:
    price = freight_price(RATES, weight_g=weight_g, volume_cm3=volume_cm3)
    assert price.as_tuple().exponent == -2
    assert 0 <= price <= freight_price(RATES, weight_g=weight_g + 1, volume_cm3=volume_cm3 + 1)
    assert abs(price - Decimal(weight_g) / 400 - Decimal(volume_cm3) / 1000) <= Decimal("0.005")
