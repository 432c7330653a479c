"""Every page: no accessibility barrier that axe-core finds, small, and quickly usable."""

import pytest
from playwright.async_api import Browser

from tests.support.aiortc_client import publisher
from tests.support.barriers import assert_no_barrier
from tests.support.browser import OpenPage
from tests.support.system import System

PAGES = (
    "/",
    "/publish/quality",
    "/watch/quality",
    "/watch/nobody",
    "/embed/quality",
    "/recordings",
    "/admin",
    "/docs",
)
LOCALES = ("en-US", "de-DE", "es-ES", "zh-CN")
MAX_BYTES = 120_000
INTERACTIVE_SECONDS = 1.0
BUSY = 3  # times slower than a machine that has nothing else to do
_WEIGHT = """() => performance.getEntriesByType('navigation')
    .concat(performance.getEntriesByType('resource').filter(({ name }) => !name.includes('/api/')))
    .reduce((sum, { transferSize }) => sum + transferSize, 0)"""
_INTERACTIVE = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd / 1000"

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_has_a_barrier(system: System, browser: Browser, path: str) -> None:
    async with (
        publisher(system.http, system.whip("quality")),
        OpenPage(await browser.new_page()) as opened,
    ):
        await opened.page.goto(system.controls[0].url + path)
        await assert_no_barrier(opened.page)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_light_and_soon_usable(
    system: System, browser: Browser, path: str, locale: str
) -> None:
    context = await browser.new_context(locale=locale)  # with an empty cache
    async with OpenPage(await context.new_page()) as opened:
        await opened.page.goto(system.controls[0].url + path, wait_until="load")
        bytes_sent = await opened.page.evaluate(_WEIGHT)
        seconds = await opened.page.evaluate(_INTERACTIVE)
        print(f"{path}, {locale}: {bytes_sent} bytes, interactive after {seconds:.2f} s")
        assert 0 < bytes_sent < MAX_BYTES
        assert seconds < INTERACTIVE_SECONDS * BUSY
    await context.close()
