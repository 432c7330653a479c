"""`python -m tools.screenshots [PARTS] [LANGUAGE]`: a picture of each page in each state, as people meet it.

Light and dark, on a desktop and on a phone, in English or LANGUAGE; of the states with one of PARTS
(`home,admin-lost`) in their names. They go into `test-artifacts/screenshots/`. What is in them is real:
rooms are live, watched and recorded. axe-core looks at each state, too, and what it finds is printed.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Page

from tests.support.barriers import DEVICES, barriers
from tests.support.browser import chromium
from tests.support.free_ports import free_port
from tests.support.own_valkey import OwnValkey
from tools.screenshots.states import EMPTY, FURNISHED, State
from tools.screenshots.world import World, running_world

FOLDER = Path("test-artifacts/screenshots")
SCHEMES = ("light", "dark")


async def main(parts: str = "", language: str = "en") -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    valkey = OwnValkey(free_port())
    valkey.start()
    found = 0
    try:
        with tempfile.TemporaryDirectory() as records:
            async with chromium() as browser, running_world(browser, valkey.url, records) as world:
                for states in (EMPTY, FURNISHED):
                    wanted = {
                        name: state
                        for name, state in states.items()
                        if any(part in name for part in parts.split(","))
                    }
                    if wanted and states is FURNISHED:
                        await world.furnish()
                    for name, state in wanted.items():
                        found += await _take_all(world, name, state, language)
    finally:
        valkey.stop()
    return found


async def _take_all(world: World, name: str, state: State, language: str) -> int:
    """Returns how many barriers there are."""
    found = 0
    for device, viewport in DEVICES.items():
        context = await world.context(
            is_operator=state.is_operator,
            locale=language,
            viewport=viewport,
            has_touch=device == "phone",
            reduced_motion="reduce",
        )
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error, told=errors: told.append(str(error)))  # type: ignore[misc]
        try:
            await state.reach(page, world.url)
        except Exception as error:  # the others are worth looking at, too
            print(f"{name}, {device}: not reached: {error}")
            await _leave(page)
            found += 1
            continue
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            tag = "" if language == "en" else f"-{language}"
            picture = FOLDER / f"{name}-{device}-{scheme}{tag}.png"
            await page.screenshot(path=picture, full_page=not state.in_view)
            report = await barriers(page)
            wide = await _is_wide(page, viewport["width"])
            for text in [*errors, *([report] if report else []), *(["scrolls sideways"] if wide else [])]:
                print(f"{name}, {device}, {scheme}: {text}")
                found += 1
        await _leave(page)
    return found


async def _leave(page: Page) -> None:
    """As people do: a page that is torn down does not end its session, and so keeps the next one out."""
    await page.unroute_all(behavior="ignoreErrors")
    await page.goto("about:blank")
    await page.context.close()


async def _is_wide(page: Page, width: int) -> bool:
    return bool(await page.evaluate("(width) => document.documentElement.scrollWidth > width", width))


if __name__ == "__main__":
    sys.exit(min(1, asyncio.run(main(*sys.argv[1:3]))))
