"""How a page gets into a state: by what people do, and by what befalls them."""

import json
from collections.abc import Awaitable, Callable

from playwright.async_api import Page, Route

from media.rooms.warnings import NO_KEYFRAME, REORDERED
from tools.screenshots.world import ADMIN_TOKEN

Prepare = Callable[[Page], Awaitable[object]]
ROOMS = 300  # of a full house

_WARN = """async (warnings) => {
    const { warningItems } = await import('../static/js/room-warnings.js');
    const list = document.getElementById('warnings');
    setInterval(() => { // the page has no warnings each second
        if (list.hidden) list.replaceChildren(...warningItems(warnings));
        list.hidden = false;
    }, 50);
}"""

_SAY = """async ([id, state, key, values]) => {
    const { say } = await import('../static/js/language.js');
    const element = document.getElementById(id);
    const words = say(key, values);
    setInterval(() => { // the page may have other words each second
        if (element.textContent !== words) element.textContent = words;
        element.dataset.state = state;
    }, 50);
}"""


def shown(selector: str) -> Prepare:
    return lambda page: page.locator(selector).first.wait_for()


def after(*steps: Prepare) -> Prepare:
    async def walk(page: Page) -> None:
        for step in steps:
            await step(page)

    return walk


def clicked(selector: str) -> Prepare:
    return lambda page: page.locator(selector).first.click()


def filled(selector: str, text: str) -> Prepare:
    return lambda page: page.locator(selector).fill(text)


def chosen(selector: str, value: str) -> Prepare:
    return lambda page: page.locator(selector).select_option(value)


def pressed(key: str) -> Prepare:
    return lambda page: page.keyboard.press(key)


def waited(milliseconds: int) -> Prepare:
    return lambda page: page.wait_for_timeout(milliseconds)


def ran(script: str) -> Prepare:
    return lambda page: page.evaluate(script)


def said(element: str, state: str, key: str, **values: str) -> Prepare:
    """Let the page say one of its words: for what takes a bad line or much time to happen."""
    return lambda page: page.evaluate(_SAY, [element, state, key, values])


async def cut_off(page: Page) -> None:
    """The operators' page asks for other events, and does not reach the server."""

    async def abort(route: Route) -> None:
        await route.abort()

    await page.route("**/api/admin/events*", abort)
    await page.locator("#in-trouble").check()
    await page.locator("#trouble").wait_for()


async def full_house_lost(page: Page) -> None:
    """A house full of rooms, in place of the three that the server has; then the server is gone."""

    async def answer(route: Route) -> None:
        rooms = [
            {
                "name": f"room-{number:03}"
                + "-with-a-name-as-long-as-names-may-be-in-this-system" * (number == 4),
                "live": True,
                "hasPublisher": True,
                "subscribers": (number * 7919) % 1700,
                "codecs": ["VP8", "opus"],
                "uptime": 40.0 * number,
                "stillAt": None,
                "locked": number % 9 == 0,
            }
            for number in range(ROOMS)
        ]
        data = json.dumps({"rooms": rooms, "gone": [], "first": True, "complete": True})
        body = f"retry: 600000\nevent: rooms\ndata: {data}\n\n"
        await route.fulfill(content_type="text/event-stream", body=body)

    await page.route("**/api/rooms/events*", answer)
    await page.reload()
    await page.locator(".room").nth(40).wait_for(state="attached")
    await page.locator("#trouble").wait_for()  # since the answer ends


async def full_house(page: Page) -> None:
    await full_house_lost(page)
    await page.locator("#trouble").evaluate("(trouble) => { trouble.hidden = true; }")


async def held_up(page: Page) -> None:
    """The server takes its time to answer an offer."""

    async def hold(_: Route) -> None:
        """Never answer."""

    await page.route("**/api/whep/**", hold)
    await page.reload()
    await page.locator(".stage[data-state=connecting]").wait_for()
    await page.locator(".stage-still:not([hidden])").wait_for()


async def publisher_paused(page: Page) -> None:
    """The publisher of this page's room sends nothing any more."""
    other = await _publisher(page)
    await other.evaluate("connections.at(-1).getSenders().map((sender) => sender.replaceTrack(null))")
    await page.bring_to_front()
    await page.locator(".stage[data-state=silent]").wait_for()


async def publisher_left(page: Page) -> None:
    other = await _publisher(page)
    await other.close(run_before_unload=True)
    await page.bring_to_front()
    await page.locator(".stage[data-state=waiting]").wait_for()
    await page.wait_for_timeout(2500)


async def _publisher(page: Page) -> Page:
    """The page that publishes, when the one that watches plays."""
    other = await page.context.new_page()
    await other.goto(page.url.replace("/watch/", "/publish/"))
    await other.locator("#start").click()
    await playing(page)
    return other


async def playing(page: Page) -> None:
    await page.locator(".stage[data-state=live]").wait_for()
    await page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
    await page.wait_for_timeout(2500)  # for the picture to get sharp


async def warned(page: Page) -> None:
    await page.evaluate(_WARN, [REORDERED["H264"], NO_KEYFRAME, "the disk is full: nothing is recorded"])


async def closed_by_an_operator(page: Page) -> None:
    script = "([url, init]) => fetch(url, init).then(({ status }) => status)"
    room = page.url.rpartition("/")[2]
    init = {"method": "POST", "headers": {"Authorization": f"Bearer {ADMIN_TOKEN}"}}
    assert await page.evaluate(script, [f"../api/admin/rooms/{room}/close", init]) == 200
