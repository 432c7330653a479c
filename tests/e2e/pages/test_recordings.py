"""The recordings page: authorised people play, download and delete recordings."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route

from control.routes.page_text import WEB
from tests.e2e.pages.conftest import ADMIN_TOKEN, PRIVATE_ROOM, PRIVATE_TOKEN
from tests.support.barriers import assert_no_barrier
from tests.support.browser import OpenPage, open_admin_page, open_publish_page, open_recordings_page
from tests.support.emptied import empty
from tests.support.system import System, running_system
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

# each codec, and what a recording of it is: both are played
FORMS = {"video/VP8": "webm", "video/H264": "mp4"}
MOMENT = "2024-03-11T02:18:40Z"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(valkey_url: str, records: Path) -> AsyncIterator[System]:
    """One that records and asks for tokens, and has a recording of each form, of three seconds."""
    empty(valkey_url)
    settings = {
        "RECORD_ENABLED": "1",
        "RECORD_DIR": str(records),
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "ROOM_TOKENS": f"{PRIVATE_ROOM}:{PRIVATE_TOKEN}",
    }
    async with running_system(valkey_url, **settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def recorded(system: System, browser: Browser, records: Path) -> list[str]:
    """The names of the recordings with sound and picture."""
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "studio") as studio,
        await open_publish_page(browser, url, PRIVATE_ROOM) as private,
    ):
        await private.page.fill("#room-token", PRIVATE_TOKEN)
        for page, codec in zip((studio, private), FORMS, strict=True):
            await page.publish(codec)
            await page.tells("Live in")

        def long_enough() -> bool:
            whole = [path for form in FORMS.values() for path in records.glob(f"*.{form}")]
            return len(whole) == len(FORMS) and all(path.stat().st_size > 60_000 for path in whole)

        await eventually("some seconds of each", long_enough, within=30)
        for page in (studio, private):
            await page.stop()
    await system.room_gone("studio", within=5)
    await system.room_gone(PRIVATE_ROOM, within=5)
    return [next(records.glob(f"*.{form}")).name for form in FORMS.values()]


async def played(page: Page, name: str) -> None:
    """Play it in the page until its time moves, and close the player."""
    await page.get_by_role("button", name=f"Play {name}").click()

    async def moves() -> bool:
        time: float = await page.evaluate("document.getElementById('player-video').currentTime")
        return time > 0.5

    await eventually(f"{name} plays", moves, within=10)
    await page.keyboard.press("Escape")
    assert not await page.is_visible("#player")


async def pictured(page: Page) -> bool:
    """Whether each recording in the list shows a picture of it, and how many pixels it has."""
    script = """rows => rows.map((row) => [
      row.querySelector('img').naturalWidth, row.querySelector("[data-cell='pixels']").textContent,
    ])"""
    rows = await page.eval_on_selector_all(".record", script)
    return len(rows) == len(FORMS) and all(width == 320 and " × " in pixels for width, pixels in rows)


async def test_who_has_a_rooms_token_plays_its_recordings(
    system: System, browser: Browser, recorded: list[str], records: Path
) -> None:
    url = system.controls[0].url
    async with await open_recordings_page(browser, url, expected_statuses=[401]) as page:
        await page.shows("Recordings are protected")
        assert not page.errors  # it knew without having asked in vain
        await page.page.get_by_role("button", name="Enter a token").click()
        await page.enter_token("wrong")
        await page.shows("This token does not open any recordings.")
        await page.page.get_by_role("button", name="Enter a token").click()
        await page.enter_token(PRIVATE_TOKEN)
        name = recorded[1]
        await page.shows("1 recording,")
        assert await page.page.get_by_role("listitem").count() == 1
        await played(page.page, name)
        link = await page.page.get_by_role("link", name=f"Download {name}").get_attribute("href")
        assert link
        assert (await system.http.get(link)).content == (records / name).read_bytes()
        assert PRIVATE_TOKEN not in link + page.page.url
        assert await page.page.get_by_role("button", name="Delete").count() == 0


async def test_an_operator_sees_plays_and_deletes_all(
    system: System, browser: Browser, recorded: list[str], records: Path
) -> None:
    url = system.controls[0].url
    async with await open_admin_page(browser, url) as page:
        await page.sign_in(ADMIN_TOKEN)
        await page.page.get_by_role("link", name="Recordings").click()
        await page.shows(f"{len(FORMS)} recordings")
        for name in recorded:
            await played(page.page, name)
        await page.page.get_by_role("button", name=f"Play {recorded[0]}").click()
        await assert_no_barrier(page.page)  # of the player, and of the list below
        await page.page.keyboard.press("Escape")
        await assert_no_barrier(page.page)

        async def lengths() -> bool:
            script = "all => all.map((cell) => cell.textContent)"
            cells = await page.page.eval_on_selector_all("[data-cell='length']", script)
            return len(cells) == len(FORMS) and all(cell.startswith("0:") for cell in cells)

        await eventually("their lengths", lengths, within=10)
        await eventually(
            "their pictures", partial(pictured, page.page), within=40
        )  # the page asks every 20 s
        await assert_no_barrier(page.page)
        await page.page.get_by_role("button", name=f"Play {recorded[0]}").click()
        await page.page.locator("#player-video[poster]").wait_for()  # once it has asked for the list again
        await page.page.keyboard.press("Escape")
        await page.page.check("#tracks")
        await page.shows(f"{len(list(records.glob('[!.]*.*')))} recordings")
        await page.page.select_option("#room", "studio")
        await page.page.get_by_role("button", name=f"Delete {recorded[0]}").click()
        await page.page.get_by_role("button", name="Cancel").click()
        assert (records / recorded[0]).exists()
        await page.page.get_by_role("button", name=f"Delete {recorded[0]}").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await eventually("it is gone", lambda: not (records / recorded[0]).exists(), within=5)
        await page.page.get_by_role("button", name=f"Play {recorded[0]}").wait_for(state="detached")


async def test_a_link_that_expires_while_it_is_played_is_renewed(
    system: System, browser: Browser, recorded: list[str], records: Path
) -> None:
    """Where it was; a new one that fails at once, too, is no help."""
    name, content = recorded[1], (records / recorded[1]).read_bytes()
    lists = 0

    async def answer_list(route: Route) -> None:
        nonlocal lists
        lists += 1
        url = f"records/{name}?signature={lists}"
        await route.fulfill(json=[{"name": name, "size": len(content), "modTime": MOMENT, "url": url}])

    async def answer(route: Route) -> None:
        begin = int(route.request.headers["range"].removeprefix("bytes=").split("-")[0])
        headers = {"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"}
        await route.fulfill(status=206, headers=headers, content_type="video/mp4", body=content[begin:])

    async with OpenPage(await browser.new_page()) as opened:
        page = opened.page
        video = page.locator("#player-video")
        await page.route("**/api/bootstrap", lambda route: route.fulfill(json={"authEnabled": False}))
        await page.route("**/api/records", answer_list)
        await page.route(f"**/records/{name}*", answer)
        await page.clock.install()
        await page.goto(f"{system.controls[0].url}/recordings")
        await page.get_by_role("button", name=f"Play {name}").click()
        await page.locator("#player-video[src]").wait_for()
        await video.evaluate("""async (video) => {
          await video.play();
          video.pause();
          video.currentTime = 1;
          Object.defineProperty(video, 'error', { value: { code: MediaError.MEDIA_ERR_NETWORK } });
        }""")
        await page.clock.fast_forward(21_000)  # the next failure is not one of a new link
        fail = "(video) => { video.dispatchEvent(new Event('error')); return video.src; }"
        goes_on = """(video) => new Promise((done) => {
          video.addEventListener('timeupdate', () => { if (!video.paused) done(video.currentTime); });
        })"""
        going_on = asyncio.create_task(video.evaluate(goes_on))
        old = await video.evaluate(fail)
        assert await asyncio.wait_for(going_on, 10) >= 1
        new = await video.evaluate(fail)
        assert new != old
        await opened.shows("This browser cannot play it")
        assert await video.evaluate("(video) => video.src") == new


async def test_a_player_that_is_closed_at_once_plays_nothing(system: System, browser: Browser) -> None:
    name = "attic_1710000000.webm"
    entries = [{"name": name, "size": 1000, "modTime": MOMENT, "url": "records/-"}]
    late = asyncio.Event()

    async def answer(route: Route) -> None:
        await late.wait()
        await route.fulfill(json=entries)

    async with OpenPage(await browser.new_page()) as opened:
        page = opened.page
        await page.route("**/api/bootstrap", lambda route: route.fulfill(json={"authEnabled": False}))
        await page.route("**/api/records", lambda route: route.fulfill(json=entries))
        await page.goto(f"{system.controls[0].url}/recordings")
        play = page.get_by_role("button", name=f"Play {name}")
        await play.wait_for()
        await page.route("**/api/records", answer)
        await play.click()
        await page.keyboard.press("Escape")
        async with page.expect_response("**/api/records"):
            late.set()
        await page.evaluate("new Promise((done) => { setTimeout(done, 100); })")  # all that follows from it
        assert await page.get_attribute("#player-video", "src") is None


async def test_a_picture_that_could_not_be_fetched_comes_with_the_next_list(
    system: System, browser: Browser
) -> None:
    lists = 0

    async def answer_list(route: Route) -> None:
        nonlocal lists
        lists += 1
        name = "studio_1710123456.webm"
        still = f"records/stills/{name}?signature={lists}"
        entry = {"name": name, "size": 1, "modTime": MOMENT, "url": f"records/{name}"}
        await route.fulfill(json=[entry | {"still": still}])

    async def answer_still(route: Route) -> None:
        if "signature=1&" in route.request.url:
            await route.fulfill(status=401)  # it has expired
        else:
            await route.fulfill(path=WEB / "icon.svg", content_type="image/svg+xml")

    async with OpenPage(await browser.new_page(), [401]) as opened:
        page = opened.page
        await page.route("**/api/bootstrap", lambda route: route.fulfill(json={"authEnabled": False}))
        await page.route("**/api/records", answer_list)
        await page.route("**/records/stills/**", answer_still)
        await page.clock.install()
        async with page.expect_response("**/records/stills/**"):
            await page.goto(f"{system.controls[0].url}/recordings")
        await page.locator(".record img:not([src])").wait_for(state="attached")
        await page.clock.fast_forward(21_000)

        async def is_shown() -> bool:
            width: int = await page.eval_on_selector(".record img", "img => img.naturalWidth")
            return width > 0

        await eventually("the picture", is_shown, within=10)


async def test_thousands_of_recordings_are_shown_as_far_as_they_are_scrolled(
    system: System, browser: Browser
) -> None:
    entries = [
        {"name": f"{room}_{1_710_000_000 + number}.webm", "size": 1000, "modTime": MOMENT, "url": "records/-"}
        for number in range(1500)
        for room in ("attic", "studio")
    ]
    async with OpenPage(await browser.new_page()) as opened:
        page = opened.page
        await page.route("**/api/bootstrap", lambda route: route.fulfill(json={"authEnabled": False}))
        await page.route("**/api/records", lambda route: route.fulfill(json=entries))
        await page.goto(f"{system.controls[0].url}/recordings")
        await opened.shows("3,000 recordings, 3.0 MB.")
        rows = page.locator(".record")
        first = await rows.count()
        assert 0 < first < 200
        await page.locator("#more").scroll_into_view_if_needed()
        await rows.nth(first).wait_for()
        await page.select_option("#room", "studio")
        await opened.shows("1,500 recordings, 1.5 MB.")
        assert await rows.count() < 200
        assert await rows.first.locator("h2").inner_text() == "studio"
        await page.select_option("#room", "")
        await assert_no_barrier(page)
