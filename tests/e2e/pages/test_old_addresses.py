"""The pages' addresses on the server whose API we keep, in a browser."""

import pytest
from playwright.async_api import Browser

from tests.support.browser import OpenPage
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("/web/index.html", "/", "Live now"),
        ("/web/publisher.html?room=old", "/publish/old", "Publish"),
        ("/web/player.html?room=old", "/watch/old", "old is not live yet"),
        ("/web/player.html?room=//evil.test", "/watch/!", "That is not the name of a room"),
        ("/web/publisher.html?room=%2e%2e", "/publish/!", "That is not the name of a room"),
    ],
)
async def test_an_old_bookmark_opens_our_page(
    system: System, browser: Browser, old: str, new: str, words: str
) -> None:
    url = system.controls[0].url
    async with OpenPage(await browser.new_page(), expected_statuses=[404]) as opened:
        await opened.page.goto(url + old)
        await opened.page.get_by_text(words).first.wait_for()
        assert opened.page.url == url + new
