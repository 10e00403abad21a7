"""The logs of a whole run, with everything that goes wrong, tell nothing of what callers and operators keep to themselves."""

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.embedded.server import Server
from tests.proxy import proxy_to
from tests.service import JWT_SECRET, Service, running_service
from tests.shop import Shop
from tests.until import until

POISON: Final = "a poison that nobody planted elsewhere"
BREAKS: Final = "a value that breaks a constraint"
PARTY: Final = {
    "name": "Zuleica Quaresma",
    "document": "529.982.247-25",
    "phone": "+55 12 98888-7766",
    "email": "zuleica@quaresma.com.br",
    "cep": "12243-750",
    "street": "Rua Machadinho Velho",
    "number": "4590",
    "city": "São José dos Campos",
    "uf": "SP",
}
POSTING: Final = {"weight_g": 900, "volume_cm3": 7000, "sender": PARTY, "recipient": PARTY}
SECRETS: Final = {
    "password": "a-password-that-is-planted",
    "wrong password": "another-password-that-is-planted",
    "unknown e-mail": "nobody@planted.com.br",
    "API key": "postagens_live_0pLaNtEdKeY0123456789abcdefghijklmnop",
    "refresh token": "pLaNtEd-refresh-token-0123456789",
    "webhook secret": "whsec_cGxhbnRlZC13ZWJob29rLXNlY3JldA",
    "signing secret": JWT_SECRET,
    **PARTY,
    "CEP": "12243750",
    "CPF": "52998224725",
    "poison": POISON,
    "broken value": BREAKS,
}
# What is no secret by itself: it stands in answers of public tracking, and in code.
del SECRETS["uf"], SECRETS["city"], SECRETS["number"]


async def _break_what_can_be_broken(shop: Shop) -> None:
    """Inputs of every wrong kind, each with something in it that must not be told."""
    assert (await shop.send("POST", "/clients", {"name": 7, "email": SECRETS["unknown e-mail"]})).status == 422
    for username in (shop.email, SECRETS["unknown e-mail"]):
        form = {"grant_type": "password", "username": username, "password": SECRETS["wrong password"]}
        assert (await shop.send("POST", "/auth/token", data=form)).status == 401
    form = {"grant_type": "refresh_token", "refresh_token": SECRETS["refresh token"]}
    assert (await shop.send("POST", "/auth/token", data=form)).status in (400, 401, 422)
    for credential in (SECRETS["API key"], SECRETS["refresh token"], "a.b.c"):
        headers = {"Authorization": f"Bearer {credential}"}
        assert (await shop.send("GET", "/clients/me", headers=headers)).status == 401
    wrong = json.dumps({**POSTING, "weight_g": -1, "secret": SECRETS["webhook secret"]})
    for body, kind in ((wrong, "application/json"), (wrong, "text/plain"), (wrong[:-1], "application/json")):
        answer = await shop.send("POST", "/postings", data=body.encode(), headers={"Content-Type": kind})
        assert 400 <= answer.status < 500
    assert (await shop.send("GET", f"/postings?recipient_cep={PARTY['cep']}&nothing={PARTY['email']}")).status == 422
    assert (await shop.send("GET", f"/postings?search={PARTY['email']}")).status == 200


async def _break_what_cannot(shop: Shop, url: str) -> None:
    """PostgreSQL refuses rows, and quotes them in what it says of it."""
    connection = await asyncpg.connect(url)
    for table, value in (("status_history", POISON), ("postings", BREAKS)):
        await connection.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT planted CHECK (description IS DISTINCT FROM '{value}') NOT VALID"
        )
    await connection.close()
    assert (await shop.send("POST", "/postings", {**POSTING, "description": BREAKS})).status == 500
    created = (await shop.send("POST", "/postings", POSTING)).json["tracking_code"]
    poisoned = await shop.update(created, "shipped", description=POISON)
    assert (await shop.decided(poisoned.json["id"], timeout=30))["refusal"]["code"] == "internal_error"


async def _run(service: Service, url: str) -> dict[str, str]:
    """What was secret in it."""
    async with Shop(service.url) as shop:
        account = {"name": "Loja Planted", "email": shop.email, "password": SECRETS["password"]}
        assert (await shop.send("POST", "/clients", account)).status == 201
        form = {"grant_type": "password", "username": shop.email, "password": SECRETS["password"]}
        tokens = (await shop.send("POST", "/auth/token", data=form)).json
        token: str = tokens["access_token"]
        shop.headers["Authorization"] = f"Bearer {token}"
        key = (await shop.create_api_key("postings:read"))["key"]
        assert (await shop.send("GET", "/postings", headers={"Authorization": f"Bearer {key}"})).status == 200
        endpoint = await shop.send("POST", "/webhooks/endpoints", {"url": "https://loja.example/webhooks"})
        created = (await shop.send("POST", "/postings", POSTING)).json["tracking_code"]
        await shop.decided((await shop.update(created, "delivered")).json["id"])
        assert (await shop.send("GET", f"/postings/{created}/label")).status == 200
        assert (await shop.send("GET", f"/tracking/{created}")).status == 200
        await _break_what_can_be_broken(shop)
        await _break_what_cannot(shop, url)
        return {
            "access token": token,
            "signature": token.rpartition(".")[2],
            "own refresh token": tokens["refresh_token"],
            "own API key": key,
            "own webhook secret": endpoint.json["secret"],
            "e-mail": shop.email,
        }


@pytest.mark.parametrize(
    ("level", "style"),
    [("DEBUG", "json"), ("DEBUG", "console"), ("ERROR", "json")],
)
async def test_no_line_tells_a_secret(
    level: str, style: str, database_url: str, valkey: Server, tmp_path: Path
) -> None:
    settings = {"LOG_LEVEL": level, "LOG_STYLE": style, "WORKER_MAX_ATTEMPTS": "1", "DATABASE_PATIENCE_SECONDS": "5"}
    async with (
        proxy_to(database_url) as network,
        running_service(tmp_path, database_url=network.url, redis_url=valkey.url, settings=settings) as service,
    ):
        secrets: dict[str, Any] = {**SECRETS, **await _run(service, database_url)}
        network.fall_silent()
        async with Shop(service.url) as shop:
            assert (await shop.send("GET", "/tracking/EE876543216CA")).status == 503
        network.heal()

        async def told_of_errors() -> bool:
            return "an error of ours" in service.log and "could not be decided" in service.log

        await until("what went wrong is told", told_of_errors)
        secrets.update(
            {
                f"password of {url}": urlsplit(url).password
                for url in (database_url, valkey.url)
                if urlsplit(url).password
            }
        )
    # The errors are there, and what they say is there; values are not.
    assert "CheckViolationError" in service.log
    assert "violates check constraint" in service.log
    told = [name for name, secret in secrets.items() if secret in service.log]
    assert not told, [line for line in service.log.splitlines() if any(secrets[name] in line for name in told)][:3]
