"""What holds for every page: no barrier that axe-core finds, light, and soon usable."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ViewportSize

from tests.support.aiortc_client import publisher
from tests.support.browser import OpenPage
from tests.support.system import System

PAGES = ("/", "/publish/quality", "/watch/quality", "/watch/nobody", "/embed/quality")
DEVICES = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=390, height=844),
}
MAX_BYTES = 100_000
INTERACTIVE_SECONDS = 1.0
BUSY = 3  # times slower than a machine that has nothing else to do
_WEIGHT = """() => performance.getEntriesByType('navigation')
    .concat(performance.getEntriesByType('resource').filter(({ name }) => !name.includes('/api/')))
    .reduce((sum, { transferSize }) => sum + transferSize, 0)"""
_INTERACTIVE = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd / 1000"

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_has_a_barrier(system: System, browser: Browser, path: str) -> None:
    async with publisher(system.http, system.whip("quality")):
        context = await browser.new_context(reduced_motion="reduce")  # colours change at once
        async with OpenPage(await context.new_page()) as opened:
            page = opened.page
            await page.goto(system.controls[0].url + path)
            for device, size in DEVICES.items():
                await page.set_viewport_size(size)
                for scheme in ("light", "dark"):
                    await page.emulate_media(color_scheme=scheme)
                    found = await Axe().run(page)
                    assert found.violations_count == 0, f"{device}, {scheme}: {found.generate_report()}"
                width = await page.evaluate("document.documentElement.scrollWidth")
                assert width <= size["width"], f"{device}: scrolls sideways"
        await context.close()


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_light_and_soon_usable(system: System, browser: Browser, path: str) -> None:
    context = await browser.new_context()  # with an empty cache
    async with OpenPage(await context.new_page()) as opened:
        await opened.page.goto(system.controls[0].url + path, wait_until="load")
        bytes_sent = await opened.page.evaluate(_WEIGHT)
        seconds = await opened.page.evaluate(_INTERACTIVE)
        print(f"{path}: {bytes_sent} bytes, interactive after {seconds:.2f} s")
        assert 0 < bytes_sent < MAX_BYTES
        assert seconds < INTERACTIVE_SECONDS * BUSY
    await context.close()
