"""The example of docs/embedding.md at work: a page of another origin shows where a parcel is, and why not."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from tests.service import Service
from tests.shop import Shop

EXAMPLE: Final = Path(__file__).parents[2] / "docs/examples/tracking.html"
ADDRESS: Final = "http://127.0.0.1:8000"
UNKNOWN: Final = "EE876543216CA"
MISTYPED: Final = "EE876543217CA"


@pytest.fixture
async def website(service: Service) -> AsyncIterator[str]:
    """The web server of a shop, with the example on it."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count(ADDRESS) == 1
    text = text.replace(ADDRESS, service.url)

    async def get_page(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    application = web.Application()
    application.router.add_get("/pedido", get_page)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/pedido"
    await runner.cleanup()


@pytest.fixture
async def page(browser: Browser, website: str) -> AsyncIterator[Page]:
    """The example as a person sees it, who may see no error in it."""
    errors: list[str] = []
    opened = await browser.new_page(locale="pt-BR", timezone_id="America/Sao_Paulo")
    opened.on("pageerror", lambda error: errors.append(str(error)))
    await opened.goto(website)
    yield opened
    await opened.close()
    assert not errors


async def ask(page: Page, code: str) -> None:
    await page.get_by_label("Código de rastreio").fill(code)
    await page.get_by_role("button", name="Rastrear").click()


async def test_a_page_of_another_origin_shows_status_and_timeline(page: Page, shop: Shop) -> None:
    code = str((await shop.create_posting(posted_at="2026-03-01T17:30:00Z"))["tracking_code"])
    scan = {"city": "Cajamar", "uf": "SP", "description": "<b>Postado</b> na agência"}
    await shop.decided((await shop.update(code, "shipped", occurred_at="2026-03-02T09:12:00Z", **scan)).json["id"])
    await ask(page, f" {code[:5].lower()} {code[5:].lower()} ")
    await expect(page.get_by_role("heading", level=2)).to_have_text("A caminho")
    steps = page.get_by_role("listitem")
    await expect(steps).to_have_count(2)
    await expect(steps.first).to_contain_text("A caminho · Cajamar/SP · <b>Postado</b> na agência")
    await expect(steps.first).to_contain_text("02/03/2026, 06:12:00")
    await expect(steps.last).to_contain_text("Aguardando envio")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (MISTYPED, "procure um erro de digitação"),
        (UNKNOWN, "Nenhuma postagem tem este código"),
        ("a/b", "endereço"),
    ],
)
async def test_a_wrong_code_is_told_in_a_sentence(page: Page, code: str, sentence: str) -> None:
    await ask(page, code)
    await expect(page.locator("#tracking")).to_contain_text(sentence)
    await expect(page.get_by_role("listitem")).to_have_count(0)


async def test_what_is_not_reached_is_told_too(page: Page) -> None:
    await page.context.set_offline(True)
    await ask(page, UNKNOWN)
    await expect(page.locator("#tracking")).to_contain_text("Não foi possível consultar agora")


async def test_a_new_step_arrives_on_the_open_page(page: Page, shop: Shop) -> None:
    document = json.loads((await shop.send("GET", "//openapi.json")).body)
    if "/api/v1/tracking/{tracking_code}/events" not in document["paths"]:
        pytest.skip("this service has no stream of events: the page shows what was so when it was asked")
    code = str((await shop.create_posting())["tracking_code"])
    await ask(page, code)
    await expect(page.get_by_role("heading", level=2)).to_have_text("Aguardando envio")
    await shop.update(code, "delivered")
    await expect(page.get_by_role("heading", level=2)).to_have_text("Entregue")
