"""/docs in a real browser: whoever signs in there asks as themselves."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.service import Service
from tests.shop import PASSWORD, Shop
from tests.web.conftest import phone


@pytest.fixture
async def docs(browser: Browser, service: Service) -> AsyncIterator[Page]:
    """The page, as somebody has just opened it."""
    async with phone(browser, service) as context:
        page = await context.new_page()
        await page.goto("/docs")
        yield page


async def scheme(docs: Page, name: str) -> Locator:
    """What Authorize asks for of this scheme."""
    await docs.get_by_role("button", name="Authorize").first.click()
    return docs.locator(".auth-container").filter(has=docs.locator("h4", has_text=name))


async def answer(docs: Page, operation: str) -> Locator:
    """What comes back when the operation is tried out."""
    await docs.get_by_role("button", name="Close").first.click()
    block = docs.locator(f"[id$={operation}]")
    await block.locator(".opblock-summary-control").click()
    await block.get_by_role("button", name="Try it out").click()
    await block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response").first


async def test_authorize_signs_in_with_a_password(docs: Page, shop: Shop) -> None:
    asked = await scheme(docs, "OAuth2PasswordBearer")
    await asked.get_by_label("username").fill(shop.email)
    await asked.get_by_label("password").fill(PASSWORD)
    await asked.locator("label", has_text="Look after the account").click()
    await asked.get_by_role("button", name="Apply given OAuth2 credentials").click()
    await expect(asked).to_contain_text("Authorized")
    shown = await answer(docs, "get_client")
    await expect(shown).to_contain_text("200")
    await expect(shown).to_contain_text(shop.email)


async def test_a_wrong_password_is_told(docs: Page, shop: Shop) -> None:
    asked = await scheme(docs, "OAuth2PasswordBearer")
    await asked.get_by_label("username").fill(shop.email)
    await asked.get_by_label("password").fill("not my password")
    await asked.get_by_role("button", name="Apply given OAuth2 credentials").click()
    await expect(asked).to_contain_text("invalid_grant")


async def test_authorize_takes_an_api_key(docs: Page, shop: Shop) -> None:
    code = (await shop.create_posting())["tracking_code"]
    key = (await shop.create_api_key("postings:read"))["key"]
    asked = await scheme(docs, "ApiKey")
    await asked.get_by_label("Value").fill(key)
    await asked.get_by_role("button", name="Apply credentials").click()
    shown = await answer(docs, "list_postings")
    await expect(shown).to_contain_text(code)


async def test_the_documentation_works_under_its_policy(browser: Browser, service: Service) -> None:
    async with phone(browser, service) as context:
        page = await context.new_page()
        opened = await page.goto("/docs")
        assert opened is not None
        policy = opened.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        operation = page.locator("#operations-tracking-track")
        await operation.get_by_role("button").first.click()
        await operation.get_by_role("button", name="Try it out").click()
        await operation.get_by_placeholder("tracking_code").fill("EE876543216CA")
        await operation.get_by_role("button", name="Execute").click()
        await expect(operation.get_by_text("tracking_not_found").first).to_be_visible()
