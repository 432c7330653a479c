"""The examples of docs/embedding.md work unchanged, on a site of another origin."""

import re
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.aiortc_client import publisher
from tests.support.browser import OpenPage
from tests.support.served_folder import served_folder
from tests.support.system import System

EXAMPLES = re.findall(r"```html\n(.*?)```", Path("docs/embedding.md").read_text("utf-8"), re.DOTALL)
PLAYING = "(id) => document.getElementById(id).getVideoPlaybackQuality().totalVideoFrames > 5"

_PUBLISH = """async (server) => {
    const { WhipPublisher } = await import(`${server}/static/js/whip-publisher.js`);
    const publisher = new WhipPublisher(`${server}/api/whip/publsih/demo`, { token: 'any' });
    const failed = new Promise((told) => { publisher.addEventListener('error', told); });
    publisher.publish(document.createElement('canvas').captureStream()).catch(() => {});
    const { error, retryIn } = (await failed).detail;
    return [error.message, retryIn ?? null];
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def example(part: str, system: System) -> str:
    """The one example that contains `part`, for this system."""
    (found,) = [text for text in EXAMPLES if part in text]
    return found.replace("https://live.example", system.controls[0].url)


def other_site(folder: Path, html: str) -> AbstractContextManager[str]:
    """The URL of a site of one page."""
    (folder / "index.html").write_text(html, encoding="utf-8")
    return served_folder(folder)


async def test_the_player_in_a_frame(system: System, browser: Browser, tmp_path: Path) -> None:
    async with publisher(system.http, system.whip("demo")), OpenPage(await browser.new_page()) as opened:
        with other_site(tmp_path, f"<!doctype html>{example('<iframe', system)}") as site:
            await opened.page.goto(site)
            inside = opened.page.frame_locator("iframe")
            await inside.locator(".stage[data-state=live]").wait_for()
            frame = opened.page.frames[1]
            await frame.wait_for_function(PLAYING, arg="video")
            await inside.get_by_role("button", name="Turn sound on").click()
            assert not await frame.evaluate("document.getElementById('video').muted")


async def test_the_module_on_another_site(system: System, browser: Browser, tmp_path: Path) -> None:
    async with publisher(system.http, system.whip("demo")), OpenPage(await browser.new_page()) as opened:
        with other_site(tmp_path, example("whep-player.js", system)) as site:
            await opened.page.goto(site)
            await opened.page.get_by_text("live", exact=True).wait_for()
            await opened.page.wait_for_function(PLAYING, arg="show")


async def test_a_mistyped_address_is_told_on_another_site_and_not_tried_for_ever(
    system: System, browser: Browser, tmp_path: Path
) -> None:
    async with OpenPage(await browser.new_page(), expected_statuses=[404]) as opened:
        with other_site(tmp_path, "<!doctype html><link rel=icon href=data:>") as site:
            await opened.page.goto(site)
            assert await opened.page.evaluate(_PUBLISH, system.controls[0].url) == ["not found", None]
