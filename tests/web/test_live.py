"""The tracking page with JavaScript, in a real browser: it follows its parcel, and speaks of the reader's own time."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from app.embedded.server import Server
from tests.service import Service, running_service
from tests.shop import Shop
from tests.web.conftest import phone

_HIDE: Final = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
async def page(browser: Browser, service: Service) -> AsyncIterator[Page]:
    """A page of a Brazilian who is in Japan."""
    async with phone(browser, service, timezone_id="Asia/Tokyo") as opened:
        yield await opened.new_page()


async def step(shop: Shop, code: str, status: str, **fields: Any) -> None:
    """One more step."""
    assert (await shop.decided((await shop.update(code, status, **fields)).json["id"]))["state"] == "applied"


async def follow(page: Page, address: str) -> None:
    """Open the page and wait until it is alive; it bears a mark that would not outlive a reload."""
    await page.goto(address)
    await expect(page.locator(".live")).to_be_visible()
    await page.evaluate("document.body.dataset.mark = 'the same page'")


async def assert_is_the_same_page(page: Page) -> None:
    assert await page.evaluate("document.body.dataset.mark") == "the same page"


async def test_an_update_arrives_on_the_open_page_without_a_reload(shop: Shop, page: Page) -> None:
    code = (await shop.create_posting(posted_at="2026-03-01T12:00:00Z", estimated_delivery="2026-03-20"))[
        "tracking_code"
    ]
    await follow(page, f"/rastreio/{code}")
    await expect(page.locator(".news")).to_be_hidden()
    await step(shop, code, "shipped", city="Cajamar", uf="SP", description="Saiu <b>hoje</b>")
    await expect(page.locator(".news")).to_have_text("Novidade: A caminho · Cajamar/SP · Saiu <b>hoje</b>")
    await expect(page.locator(".news")).to_have_attribute("aria-live", "polite")
    await expect(page.get_by_role("heading", level=1)).to_have_text("A caminho")
    await expect(page.locator("#advice")).to_contain_text("em trânsito")
    await expect(page).to_have_title(re.compile("^A caminho . Postagens$"))
    await expect(page.get_by_role("listitem")).to_have_count(2)
    await expect(page.get_by_role("listitem").first).to_contain_text(re.compile(r"A caminho.*Cajamar/SP.*Saiu <b>hoje"))
    await expect(page.get_by_text("Entrega prevista")).to_be_visible()
    await step(shop, code, "delivered")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Entregue")
    await expect(page.locator(".live")).to_be_hidden()
    await expect(page.get_by_text("Entrega prevista")).to_be_hidden()
    await assert_is_the_same_page(page)


async def test_the_living_timeline_is_the_one_that_a_reload_shows(shop: Shop, page: Page) -> None:
    code = (await shop.create_posting(posted_at="2026-03-01T12:00:00Z"))["tracking_code"]
    await follow(page, f"/track/{code}")
    for day, fields in (
        (2, {"city": "Cajamar", "uf": "SP", "description": "Posted"}),
        (4, {"description": "Forwarded"}),
        (5, {"city": "Campinas"}),
        (3, {"uf": "MG", "description": "Late to be told"}),
    ):
        await step(shop, code, "shipped", occurred_at=f"2026-03-{day:02}T23:30:00.123456-03:00", **fields)
    await expect(page.get_by_role("listitem")).to_have_count(5)
    await expect(page.locator(".news")).to_contain_text("Late to be told")
    alive = await page.locator("ol").inner_text()
    await assert_is_the_same_page(page)
    await page.reload()
    assert await page.locator("ol").inner_text() == alive


async def test_times_are_the_readers_own_with_javascript_and_those_of_brasilia_without(
    shop: Shop, browser: Browser, service: Service, page: Page
) -> None:
    code = (await shop.create_posting(posted_at="2026-03-01T23:30:00Z"))["tracking_code"]
    async with phone(browser, service, java_script_enabled=False) as plain:
        without = await plain.new_page()
        for address, here, there, zone_here, zone_there in (
            (
                "rastreio",
                "02/03/2026, 08:30",
                "01/03/2026, 20:30",
                "no seu fuso: Horário Padrão do Japão",
                "Horários de Brasília",
            ),
            ("track", "02 Mar 2026, 08:30", "01 Mar 2026, 20:30", "own zone: Japan Standard Time", "those of Brasília"),
        ):
            await page.goto(f"/{address}/{code}")
            await expect(page.locator("time")).to_have_text(here)
            await expect(page.locator(".zone")).to_contain_text(zone_here)
            await without.goto(f"/{address}/{code}")
            await expect(without.locator("time")).to_have_text(there)
            await expect(without.locator(".zone")).to_contain_text(zone_there)
            await expect(without.locator(".live")).to_be_hidden()


async def test_a_page_that_nobody_looks_at_lets_go_and_catches_up(shop: Shop, page: Page) -> None:
    code = (await shop.create_posting())["tracking_code"]
    await follow(page, f"/rastreio/{code}")
    await page.evaluate(_HIDE, True)
    await expect(page.locator(".live")).to_be_hidden()
    await step(shop, code, "shipped")
    await page.evaluate(_HIDE, False)
    await expect(page.get_by_role("heading", level=1)).to_have_text("A caminho")
    await expect(page.locator(".live")).to_be_visible()
    await assert_is_the_same_page(page)


async def test_axe_finds_nothing_on_a_page_with_news(shop: Shop, browser: Browser, service: Service) -> None:
    code = (await shop.create_posting())["tracking_code"]
    async with phone(browser, service, bypass_csp=True) as opened:
        page = await opened.new_page()
        await follow(page, f"/rastreio/{code}")
        await step(shop, code, "shipped", city="Cajamar", uf="SP")
        await expect(page.locator(".news")).to_be_visible()
        await page.emulate_media(reduced_motion="reduce")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        await page.emulate_media(media="print")
        await expect(page.locator(".news")).to_be_hidden()
        await expect(page.locator(".live")).to_be_hidden()


async def test_a_page_finds_back_to_a_service_that_was_restarted(
    browser: Browser, database_url: str, valkey: Server, tmp_path: Path
) -> None:
    async with (
        running_service(tmp_path, database_url=database_url, redis_url=valkey.url) as service,
        Shop(service.url) as shop,
    ):
        await shop.register()
        code = (await shop.create_posting())["tracking_code"]
        page = await browser.new_page(base_url=service.url)
        await follow(page, f"/track/{code}")
        await service.replace_api()
        await step(shop, code, "shipped")
        await expect(page.get_by_role("heading", level=1)).to_have_text("On its way", timeout=15_000)
        await expect(page.locator(".live")).to_be_visible()
        await assert_is_the_same_page(page)
        await page.close()
