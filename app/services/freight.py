"""The price of carrying a posting."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True)
class FreightRates:
    """BRL per kilogram and BRL per cubic centimetre."""

    per_kg: Decimal
    per_cm3: Decimal


def freight_price(rates: FreightRates, *, weight_g: int, volume_cm3: int) -> Decimal:
    """The price in BRL, rounded to the centavo, half a centavo up."""
    price = rates.per_kg * weight_g / 1000 + rates.per_cm3 * volume_cm3
    return price.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
