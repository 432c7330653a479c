"""What keeps people out of a page, as far as axe-core finds it: on a light desktop and a dark phone."""

from typing import Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize

DEVICES = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=360, height=780),
}
# Sizes change the layout and schemes the colours: neither depends on the other.
LOOKS: tuple[tuple[str, Literal["light", "dark"]], ...] = (("desktop", "light"), ("phone", "dark"))


async def barriers(page: Page) -> str:
    """What axe-core finds on the page as it is now; empty: nothing."""
    found = await Axe().run(page)
    return found.generate_report() if found.violations_count else ""


async def assert_no_barrier(page: Page) -> None:
    """Look at the page as it is now; it is left on a phone, in the dark."""
    for device, scheme in LOOKS:
        size = DEVICES[device]
        await page.set_viewport_size(size)
        # otherwise colours would still be changing
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = await barriers(page)
        assert not found, f"{device}, {scheme}: {found}"
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], f"{device}: scrolls sideways"
