"""What keeps people out of a page, as far as axe-core finds it: light and dark, on a desktop and a phone."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize

DEVICES = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=360, height=780),
}


async def barriers(page: Page) -> str:
    """What axe-core finds on the page as it is now; empty: nothing."""
    found = await Axe().run(page)
    return found.generate_report() if found.violations_count else ""


async def assert_no_barrier(page: Page) -> None:
    """Look at the page as it is now; it is left on a phone, in the dark."""
    for device, size in DEVICES.items():
        await page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            # otherwise colours would still be changing
            await page.emulate_media(
                color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
            )
            found = await barriers(page)
            assert not found, f"{device}, {scheme}: {found}"
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], f"{device}: scrolls sideways"
