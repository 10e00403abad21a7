"""The pages in a real browser, at work without JavaScript, as everybody gets them."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.service import Service
from tests.shop import Shop
from tests.web.conftest import phone

UNKNOWN: Final = "EE876543216CA"
MISTYPED: Final = "EE876543217CA"
PATHS: Final = ("/", "/rastreio/{}", f"/track/{MISTYPED}", f"/track/{UNKNOWN}")
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


@pytest.fixture
async def context(browser: Browser, service: Service) -> AsyncIterator[BrowserContext]:
    """A phone of a Brazilian, without JavaScript."""
    async with phone(browser, service, java_script_enabled=False) as opened:
        yield opened


@pytest.fixture
async def page(context: BrowserContext) -> Page:
    """An empty page of that phone."""
    return await context.new_page()


@pytest.fixture(scope="module")
async def tracking_code(service: Service) -> str:
    """A parcel on its way, with three scans, one of them with names as long as they may be."""
    now = datetime.now(UTC)
    async with Shop(service.url) as shop:
        await shop.register()
        code = str((await shop.create_posting(posted_at=(now - timedelta(days=9)).isoformat()))["tracking_code"])
        for days, step in (
            (8, {"city": "Cajamar", "uf": "SP", "description": "Postado na agência"}),
            (7, {"city": "X" * 100, "uf": "MG", "description": "Encaminhado" * 40}),
            (1, {"city": "Contagem", "uf": "MG", "description": "Saiu para entrega"}),
        ):
            moment = (now - timedelta(days=days)).isoformat()
            await shop.decided((await shop.update(code, "shipped", occurred_at=moment, **step)).json["id"])
    return code


async def test_a_code_typed_with_spaces_and_small_letters_leads_to_the_timeline(page: Page, tracking_code: str) -> None:
    await page.goto("/")
    await page.get_by_label("Código de rastreio").fill(f" {tracking_code[:5].lower()} {tracking_code[5:].lower()} ")
    await page.get_by_role("button", name="Rastrear").click()
    await expect(page).to_have_url(re.compile(f"/rastreio/{tracking_code}$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("A caminho")
    steps = page.get_by_role("listitem")
    await expect(steps).to_have_count(4)
    await expect(steps.first).to_contain_text(re.compile(r"Contagem/MG\s+Saiu para entrega"))
    await expect(steps.nth(2)).to_contain_text(re.compile(r"A caminho\s+Cajamar/SP\s+Postado na agência"))
    await expect(steps.last).to_contain_text("Aguardando envio")


async def test_a_mistyped_code_can_be_mended_where_it_was_typed(page: Page) -> None:
    await page.goto(f"/rastreio/{MISTYPED}")
    field = page.get_by_label("Código de rastreio")
    await expect(field).to_have_value(MISTYPED)
    await expect(field).to_have_accessible_description(re.compile("erro de digitação"))
    await field.fill(UNKNOWN)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Encomenda não encontrada")


async def test_the_switch_shows_the_same_parcel_in_the_other_language_and_back(page: Page, tracking_code: str) -> None:
    await page.goto(f"/rastreio/{tracking_code}")
    await page.get_by_role("link", name="English").click()
    await expect(page).to_have_url(re.compile(f"/track/{tracking_code}$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("On its way")
    await page.get_by_role("link", name="Português").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("A caminho")


async def test_the_search_stays_in_the_language_that_was_chosen(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="English").click()
    await page.get_by_label("Tracking code").fill(UNKNOWN)
    await page.get_by_role("button", name="Track").click()
    await expect(page).to_have_url(re.compile(f"/track/{UNKNOWN}$"))


async def test_nothing_has_to_be_scrolled_sideways_and_everything_can_be_hit(
    browser: Browser, tracking_code: str, service: Service
) -> None:
    page = await browser.new_page(base_url=service.url, viewport={"width": 320, "height": 640}, bypass_csp=True)
    for path in PATHS:
        await page.goto(path.format(tracking_code))
        assert await page.evaluate("document.documentElement.scrollWidth") == 320, path
        for target in await page.locator("a, button, input:not([type=hidden])").all():
            box = await target.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44, await target.inner_text()
    await page.close()


async def test_axe_finds_nothing_by_day_and_by_night(browser: Browser, service: Service, tracking_code: str) -> None:
    page = await browser.new_page(base_url=service.url, bypass_csp=True)
    for path in PATHS:
        await page.goto(path.format(tracking_code))
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
    await page.close()


async def test_paper_shows_the_timeline_in_ink_and_nothing_to_click(page: Page, tracking_code: str) -> None:
    await page.emulate_media(media="print", color_scheme="dark")
    await page.goto(f"/rastreio/{tracking_code}")
    await expect(page.get_by_role("listitem").first).to_be_visible()
    await expect(page.get_by_role("button")).to_be_hidden()
    await expect(page.get_by_role("link", name="English")).to_be_hidden()
    await expect(page.locator("body")).to_have_css("color", "rgb(23, 32, 46)")
