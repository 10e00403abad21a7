"""A real Chromium, and the phone of somebody who waits for a parcel."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.service import Service

_CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium without a window, for all tests of a file. Its sandbox works for nobody who is root."""
    if _CHROMIUM is None:
        pytest.skip("there is no Chromium here: nobody has looked at the pages (Debian: apt install chromium)")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=_CHROMIUM, chromium_sandbox=os.geteuid() != 0)
        yield launched
        await launched.close()


@asynccontextmanager
async def phone(browser: Browser, service: Service, **more: Any) -> AsyncIterator[BrowserContext]:
    """A phone of a Brazilian; nothing may go wrong on its pages, and no page may ask anybody else."""
    wrong: list[str] = []

    def is_ours(url: str) -> bool:
        return url.startswith((f"{service.url}/", "data:"))

    opened = await browser.new_context(
        base_url=service.url, locale="pt-BR", viewport={"width": 390, "height": 844}, **more
    )
    opened.on("console", lambda message: wrong.append(message.text) if "status of 4" not in message.text else None)
    opened.on("weberror", lambda error: wrong.append(str(error.error)))
    opened.on("request", lambda request: wrong.append(request.url) if not is_ours(request.url) else None)
    yield opened
    await opened.close()
    assert not wrong
