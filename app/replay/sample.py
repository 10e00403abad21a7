"""Makes a small orders file up, for a demo: invented parcels between real Brazilian cities."""

import csv
import io
import random
from datetime import datetime, timedelta, timezone
from typing import Final

from app.replay.orders import COLUMNS, Order, parse_orders

SELLERS: Final = 20
PARCELS: Final = 200
BRASILIA: Final = timezone(timedelta(hours=-3))
FIRST_DAY: Final = datetime(2025, 9, 1, tzinfo=BRASILIA)
CITIES: Final = (
    ("São Paulo", "SP", "01310"), ("Rio de Janeiro", "RJ", "20040"), ("Belo Horizonte", "MG", "30130"),
    ("Porto Alegre", "RS", "90010"), ("Curitiba", "PR", "80010"), ("Salvador", "BA", "40020"),
    ("Recife", "PE", "50030"), ("Fortaleza", "CE", "60025"), ("Brasília", "DF", "70040"),
    ("Manaus", "AM", "69005"), ("Belém", "PA", "66010"), ("Goiânia", "GO", "74003"),
    ("Campinas", "SP", "13010"), ("Florianópolis", "SC", "88010"), ("Vitória", "ES", "29010"),
    ("Natal", "RN", "59025"), ("João Pessoa", "PB", "58010"), ("Maceió", "AL", "57020"),
    ("Aracaju", "SE", "49010"), ("Teresina", "PI", "64000"), ("São Luís", "MA", "65010"),
    ("Cuiabá", "MT", "78005"), ("Campo Grande", "MS", "79002"), ("Porto Velho", "RO", "76801"),
    ("Boa Vista", "RR", "69301"), ("Macapá", "AP", "68900"), ("Rio Branco", "AC", "69900"),
    ("Palmas", "TO", "77001"), ("Joinville", "SC", "89201"), ("Ribeirão Preto", "SP", "14010"),
    ("Santos", "SP", "11010"), ("Uberlândia", "MG", "38400"), ("Londrina", "PR", "86010"),
    ("Juiz de Fora", "MG", "36010"), ("Caxias do Sul", "RS", "95010"), ("Niterói", "RJ", "24020"),
)  # fmt: skip
LIVES: Final = {"delivered": 150, "shipped": 22, "canceled": 14, "invoiced": 12, "early": 1, "backwards": 1}
"""How many of each kind: `early` was shipped before it was posted, `backwards` delivered before it was shipped."""


def sample_orders(seed: int) -> list[Order]:
    """About 200 parcels of 20 sellers, two of them with times that cannot be true; the same seed, the same parcels."""
    return parse_orders(io.StringIO(sample_csv(seed), newline=""), source="the sample")


def sample_csv(seed: int) -> str:
    """The sample as the text of an orders file."""
    chance = random.Random(seed)  # noqa: S311 - made-up parcels, no secrets
    sellers = [(_name(chance), chance.choice(CITIES)) for _ in range(SELLERS)]
    # Everybody sells something; what is left goes to the first few far more often, as in life.
    owners = sellers + chance.choices(sellers, [1 / place for place in range(1, SELLERS + 1)], k=PARCELS - SELLERS)
    lives = [life for life, count in LIVES.items() for _ in range(count)]
    chance.shuffle(lives)
    rows = [_row(chance, seller, life) for seller, life in zip(owners, lives, strict=True)]
    text = io.StringIO(newline="")
    file = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    file.writeheader()
    file.writerows(sorted(rows, key=lambda row: row["posted_at"]))
    return text.getvalue()


def _row(chance: random.Random, seller: tuple[str, tuple[str, str, str]], life: str) -> dict[str, str]:
    seller_id, sender = seller
    weight = chance.choice((150, 300, 500, 800, 1200, 2500, 6000, 14000))
    posted, shipped, delivered = _times(chance, life)
    return {
        "reference": _name(chance),
        "seller_id": seller_id,
        **dict(zip(("sender_city", "sender_state", "sender_zip_prefix"), sender, strict=True)),
        **dict(zip(("recipient_city", "recipient_state", "recipient_zip_prefix"), chance.choice(CITIES), strict=True)),
        "items": str(chance.choice((1, 1, 1, 1, 2, 3))),
        "weight_g": str(weight),
        "volume_cm3": str(weight * chance.randint(3, 9)),
        "declared_value": f"{chance.randint(20, 900)}.{chance.randrange(100):02}",
        "freight_paid": f"{9 + weight // 400}.{chance.randrange(100):02}",
        "order_status": "delivered" if delivered else life,
        "posted_at": posted.isoformat(),
        "shipped_at": shipped.isoformat() if shipped else "",
        "delivered_at": delivered.isoformat() if delivered else "",
        "estimated_delivery": (posted + timedelta(days=18)).date().isoformat(),
    }


def _times(chance: random.Random, life: str) -> tuple[datetime, datetime | None, datetime | None]:
    posted = FIRST_DAY + timedelta(seconds=chance.randrange(28 * 86400))
    shipped = posted + timedelta(seconds=chance.randrange(6 * 3600, 3 * 86400))
    delivered = shipped + timedelta(seconds=chance.randrange(86400, 14 * 86400))
    if life in {"canceled", "invoiced"}:
        return posted, None, None
    if life == "shipped":
        return posted, shipped, None
    if life == "early":
        return posted, posted - timedelta(minutes=3), delivered
    if life == "backwards":
        return posted, shipped, shipped - timedelta(hours=5)
    return posted, shipped, delivered


def _name(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032x}"
