"""The documentation of the API in a real browser: it works under a policy that lets nothing in from elsewhere."""

from playwright.async_api import Browser, expect

from tests.service import Service
from tests.web.conftest import phone


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
