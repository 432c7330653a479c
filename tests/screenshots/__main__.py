"""`python -m tests.screenshots [PAGE]`: a picture of each page, light and dark, on a desktop and on a phone.

Into `test-artifacts/screenshots/`. Everything in them is real: rooms are live, watched and recorded.
"""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from deploy.valkey import EmbeddedValkey
from tests.support.browser import chromium
from tests.support.system import System, running_system

FOLDER = Path("test-artifacts/screenshots")
LANDSCAPE = Path(__file__).with_name("landscape.js")
DEVICES = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=390, height=844),
}
SCHEMES = ("light", "dark")
# The others are whole, as long as they are.
IN_VIEW = ("embed", "watch-quality", "recordings-playing", "admin-question")
ADMIN_TOKEN = "screenshots"
LIVE_ROOMS = ("garden-cam", "keynote", "studio")
RECORDED_ROOM = "rehearsal"
PATIENCE_MS = 60_000


async def _listed(page: Page) -> None:
    await page.locator(".room img:not([hidden])").nth(len(LIVE_ROOMS) - 1).wait_for()


async def _ready_to_publish(page: Page) -> None:
    await page.get_by_text("api/whip/publish").first.wait_for()


async def _published(page: Page) -> None:
    await page.locator("#start").click()
    await page.get_by_text("Live in ").wait_for()
    await page.wait_for_timeout(12_000)  # for the charts to have something to show


async def _checked(page: Page) -> None:
    await page.locator("#try").click()
    await page.locator("#check-upload:not([data-state=waiting])").wait_for()


async def _playing(page: Page) -> None:
    await page.locator(".stage[data-state=live]").wait_for()
    await page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
    await page.wait_for_timeout(2500)  # for the picture to get sharp


async def _with_figures(page: Page) -> None:
    await _playing(page)
    await page.keyboard.press("i")
    await page.locator("#figures dt").first.wait_for()


async def _with_menu(page: Page) -> None:
    await _playing(page)
    await page.locator("#quality").wait_for()
    await page.keyboard.press("q")


async def _waiting(page: Page) -> None:
    await page.get_by_text("is not live yet").wait_for()


async def _recorded(page: Page) -> None:
    await page.get_by_role("button", name=f"Play {RECORDED_ROOM}").wait_for()


async def _played(page: Page) -> None:
    await page.get_by_role("button", name=f"Play {RECORDED_ROOM}").click()
    await page.wait_for_function("() => document.querySelector('video').currentTime > 5")


async def _signed_in(page: Page) -> None:
    await page.locator("#token").fill(ADMIN_TOKEN)
    await page.keyboard.press("Enter")
    await page.locator("#sessions tr").nth(3).wait_for()
    await page.locator("#blocks tr").wait_for()
    await page.wait_for_timeout(6000)  # for a second look, which has rates


async def _asked(page: Page) -> None:
    await _signed_in(page)
    await page.get_by_role("button", name="Close studio").click()
    await page.locator("#block").select_option("3600")


async def _at_the_gate(page: Page) -> None:
    await page.locator("#gate").wait_for()


async def _described(page: Page) -> None:
    await page.locator("#publish").wait_for()


# By name: the path, and what to wait for or do before the picture is taken.
SHOTS: dict[str, tuple[str, Callable[[Page], Awaitable[None]]]] = {
    "home": ("/", _listed),
    "publish": ("/publish/balcony", _ready_to_publish),
    "publish-check": ("/publish/balcony", _checked),
    "publish-live": ("/publish/balcony", _published),
    "watch": ("/watch/studio", _playing),
    "watch-figures": ("/watch/studio", _with_figures),
    "watch-quality": ("/watch/studio", _with_menu),
    "watch-waiting": ("/watch/not-yet", _waiting),
    "embed": ("/embed/studio", _playing),
    "recordings": ("/recordings", _recorded),
    "recordings-playing": ("/recordings", _played),
    "admin": ("/admin", _signed_in),
    "admin-question": ("/admin", _asked),
    "admin-token": ("/admin", _at_the_gate),
    "docs": ("/docs", _described),
}


async def main(only: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    valkey = EmbeddedValkey()
    valkey.start()
    try:
        with tempfile.TemporaryDirectory() as records:
            settings = {"ADMIN_TOKEN": ADMIN_TOKEN, "RECORD_ENABLED": "1", "RECORD_DIR": records}
            async with running_system(valkey.url, **settings) as system, chromium() as browser:
                await _furnish(browser, system)
                for name in SHOTS:
                    if only in name:
                        await _take_all(browser, system, name)
    finally:
        valkey.stop()


async def _furnish(browser: Browser, system: System) -> None:
    """Rooms that are live, watched, and recorded."""
    context = await _context(browser)
    for room in (RECORDED_ROOM, *LIVE_ROOMS):
        page = await context.new_page()
        await page.goto(f"{system.controls[0].url}/publish/{room}")
        await page.locator("#start").click()
        await page.get_by_text("Live in ").wait_for()
        if room == RECORDED_ROOM:
            await page.wait_for_timeout(8000)
            await page.locator("#stop").click()
            await system.room_gone(room, within=10)
    for room in ("studio", "studio", "keynote"):
        page = await context.new_page()
        await page.goto(f"{system.controls[0].url}/embed/{room}")
        await _playing(page)
    admin = {"headers": {"Authorization": f"Bearer {ADMIN_TOKEN}"}}
    api = f"{system.controls[0].url}/api/admin"
    block = {"block": 86_400, "reason": "It shows a film that is not ours to show."}
    (await system.http.post(f"{api}/rooms/cinema/close", json=block, **admin)).raise_for_status()
    (await system.http.post(f"{api}/revocations", json={"subject": "anna"}, **admin)).raise_for_status()


async def _take_all(browser: Browser, system: System, name: str) -> None:
    path, prepare = SHOTS[name]
    for device, viewport in DEVICES.items():
        async with contextlib.AsyncExitStack() as stack:
            context = await _context(browser, viewport=viewport, has_touch=device == "phone")
            stack.push_async_callback(context.close)
            page = await context.new_page()
            await page.goto(system.controls[0].url + path)
            await prepare(page)
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                picture = FOLDER / f"{name}-{device}-{scheme}.png"
                await page.screenshot(path=picture, full_page=name not in IN_VIEW)


async def _context(browser: Browser, **options: object) -> BrowserContext:
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(path=LANDSCAPE)
    return context


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ""))
