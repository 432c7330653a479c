"""What the pictures show: rooms that are live, watched, recorded and blocked; cameras see a landscape."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page

from tests.support.browser import RECORD_CONNECTIONS
from tests.support.system import System, running_system

ADMIN_TOKEN = "screenshots"
PRIVATE_ROOM, PRIVATE_TOKEN = "private", "open-sesame"
LIVE_ROOMS = ("garden-cam", "harbour", "keynote", "summit", "studio")
RECORDED_ROOM = "rehearsal"
PATIENCE_MS = 60_000

_LANDSCAPE = Path(__file__).with_name("landscape.js")
_KEEP_TOKEN = f"sessionStorage.setItem('roomcast-token/@admin', '{ADMIN_TOKEN}')"


@dataclass(frozen=True)
class World:
    browser: Browser
    system: System

    @property
    def url(self) -> str:
        return self.system.controls[0].url

    async def context(self, *, is_operator: bool = False, **options: object) -> BrowserContext:
        """A browser of somebody with a camera; an operator has signed in."""
        context = await self.browser.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(RECORD_CONNECTIONS)
        await context.add_init_script(path=_LANDSCAPE)
        if is_operator:
            await context.add_init_script(_KEEP_TOKEN)
        return context

    async def publish(self, context: BrowserContext, room: str) -> Page:
        page = await context.new_page()
        await page.goto(f"{self.url}/publish/{room}")
        await page.locator("#start").click()
        await page.locator("#status[data-state=live]").wait_for()
        return page

    async def watch(self, context: BrowserContext, room: str) -> Page:
        page = await context.new_page()
        await page.goto(f"{self.url}/embed/{room}")
        await page.locator(".stage[data-state=live]").wait_for()
        return page

    async def furnish(self) -> None:
        """Rooms that are live, watched, and recorded.

        Each page has a browser of its own: all pages of one share six connections to a server.
        """
        for room in (RECORDED_ROOM, *LIVE_ROOMS):
            page = await self.publish(await self.context(), room)
            if room == RECORDED_ROOM:
                await page.wait_for_timeout(8000)
                await page.locator("#stop").click()
                await self.system.room_gone(room, within=10)
        for room in ("studio", "studio", "keynote", "summit"):
            await self.watch(await self.context(), room)
        admin = {"headers": {"Authorization": f"Bearer {ADMIN_TOKEN}"}}
        api = f"{self.url}/api/admin"
        block = {"block": 86_400, "reason": "It shows a film that is not ours to show."}
        (await self.system.http.post(f"{api}/rooms/cinema/close", json=block, **admin)).raise_for_status()
        (
            await self.system.http.post(f"{api}/revocations", json={"subject": "anna"}, **admin)
        ).raise_for_status()


@contextlib.asynccontextmanager
async def running_world(browser: Browser, redis_url: str, records: str) -> AsyncIterator[World]:
    settings = {
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "ROOM_TOKENS": f"{PRIVATE_ROOM}:{PRIVATE_TOKEN}",
        "RECORD_ENABLED": "1",
        "RECORD_DIR": records,
    }
    async with running_system(redis_url, **settings) as system:
        yield World(browser, system)
