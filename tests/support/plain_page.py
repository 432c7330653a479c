"""The plain example of the npm package in a tab: it publishes and plays where a test tells it to."""

from collections.abc import Sequence

from playwright.async_api import Browser

from tests.support.browser import RECORD_CONNECTIONS, WatchPage
from tests.support.waiting import eventually

CONNECT_SECONDS = 20.0


class PlainPage(WatchPage):
    async def start(self, button: str, **fields: str) -> None:
        """Press `publish` or `play`, once the fields of these names are filled in."""
        for name, value in fields.items():
            await self.page.fill(f"input[name={name}]", value)
        await self.page.click(f"#{button}")

    async def becomes(self, output: str, words: str, within: float = CONNECT_SECONDS) -> None:
        """Wait until `published` or `played` begins with these words."""

        async def shown() -> bool:
            return (await self.page.text_content(f"#{output}") or "").startswith(words)

        await eventually(f"{output}: {words}", shown, within)

    async def unmute(self) -> None:
        await self.page.evaluate("document.getElementById('video').muted = false")


async def open_example(browser: Browser, url: str, expected_statuses: Sequence[int] = ()) -> PlainPage:
    """An example at `url`; enter it."""
    opened = PlainPage(await browser.new_page(), expected_statuses)
    await opened.page.add_init_script(RECORD_CONNECTIONS)
    await opened.page.goto(url)
    return opened
