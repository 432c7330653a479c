"""`whip-publisher.js` in a tab, driven and watched by a test."""

from collections.abc import Sequence
from typing import Any

from playwright.async_api import Browser

from tests.support.browser import OpenPage
from tests.support.waiting import eventually

_START = """async ([room, options, token]) => {
    const { WhipPublisher } = await import('/static/js/whip-publisher.js');
    const video = { width: 320, height: 180 };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video });
    window.publisher = new WhipPublisher(`/api/whip/publish/${room}`, { token });
    window.told = [];
    window.stats = [];
    const words = (error) => (error ? { status: error.status, says: error.message } : {});
    const plain = ({ error, ...rest }) => ({ ...rest, ...words(error) });
    publisher.addEventListener('state', ({ detail }) => told.push(plain(detail)));
    publisher.addEventListener('error', ({ detail }) => told.push({ tried: true, ...plain(detail) }));
    publisher.addEventListener('stats', ({ detail }) => stats.push(detail));
    window.settled = publisher.publish(stream, options).then(() => 'live', (error) => error.status);
}"""


class Tab(OpenPage):
    """One tab with one publisher, on a page that has nothing to do with it."""

    async def start(self, room: str, token: str = "", **options: Any) -> None:
        await self.page.evaluate(_START, [room, options, token])

    async def settled(self) -> str | int:
        """`live`, or the status of the refusal."""
        result: str | int = await self.page.evaluate("settled")
        return result

    async def told(self) -> list[dict[str, Any]]:
        """All `state` and `error` events so far."""
        result: list[dict[str, Any]] = await self.page.evaluate("told")
        return result

    async def states(self) -> list[str]:
        return [event["state"] for event in await self.told() if "state" in event]

    async def stats(self) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = await self.page.evaluate("stats")
        return result

    async def becomes(self, *states: str, within: float) -> None:
        """Wait until the states told so far end with these."""

        async def told() -> bool:
            return (await self.states())[-len(states) :] == list(states)

        await eventually(f"states {states}", told, within)


async def open_tab(browser: Browser, url: str, *, expected_statuses: Sequence[int] = ()) -> Tab:
    """A tab at the server of `url`; enter it."""
    tab = Tab(await browser.new_page(), expected_statuses)
    await tab.page.goto(url)
    return tab
