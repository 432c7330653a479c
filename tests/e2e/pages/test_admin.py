"""The operators' page: what it shows, its actions, and their effect on the other pages."""

import pytest
from playwright.async_api import Browser, Route

from tests.e2e.pages.conftest import ADMIN_TOKEN
from tests.support.aiortc_client import publisher, viewer
from tests.support.barriers import assert_no_barrier
from tests.support.browser import open_admin_page, open_publish_page, open_watch_page
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_a_wrong_token_is_told_and_not_kept(system: System, browser: Browser) -> None:
    async with await open_admin_page(browser, system.controls[0].url, expected_statuses=[401]) as admin:
        assert await admin.page.is_hidden("#office")
        await admin.sign_in("wrong")
        await admin.shows("The server does not accept this token.")
        assert await admin.page.is_hidden("#office")
        assert "wrong" not in str(await admin.page.evaluate("Object.values(sessionStorage)"))
        await admin.sign_in(ADMIN_TOKEN)
        await admin.shows("worker0")
        assert await admin.page.is_hidden("#trouble")
        assert ADMIN_TOKEN not in admin.page.url
        await admin.page.get_by_role("button", name="Sign out").click()
        assert await admin.page.is_hidden("#office")
        assert "secret" not in str(await admin.page.evaluate("Object.values(sessionStorage)"))


async def test_rooms_workers_and_sessions_are_shown_as_they_are(system: System, browser: Browser) -> None:
    async with (
        await open_admin_page(browser, system.controls[0].url) as admin,
        publisher(system.http, system.whip("seen")),
        viewer(system.http, system.whep("seen")) as receiver,
        publisher(system.http, system.whip("other")),
    ):
        await receiver.received(within=15)
        await admin.sign_in(ADMIN_TOKEN)

        async def rows(table: str, room: str) -> list[list[str]]:
            script = """(all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"""
            found: list[list[str]] = await admin.page.eval_on_selector_all(f"#{table} tr", script)
            return [row for row in found if row[0] == room]

        async def complete() -> bool:
            room, sessions = await rows("rooms", "seen"), await rows("sessions", "seen")
            return (
                [row[1:3] for row in room] == [["1", "Opus, VP8"]]
                and [row[1] for row in sessions] == ["Publisher", "Viewer"]
                and all("bit/s" in row[6] for row in sessions)
                and "ms" in sessions[1][8]
            )

        await eventually("all that there is to see", complete, within=15)
        assert (await rows("workers", "worker0"))[0][1] == "Ready"
        assert len(await rows("sessions", "other")) == 1
        await assert_no_barrier(admin.page)
        await admin.page.select_option("#of-room", "seen")

        async def only_seen() -> bool:
            return not await rows("sessions", "other") and len(await rows("sessions", "seen")) == 2

        await eventually("sessions of one room", only_seen, within=5)


async def test_a_room_that_is_closed_is_closed_for_all(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "over") as publishing,
        await open_watch_page(browser, url, "over") as watching,
        await open_admin_page(browser, url) as admin,
    ):
        await publishing.publish()
        await publishing.tells("Live in over.")
        await watching.tells("Watching over.")
        await admin.sign_in(ADMIN_TOKEN)
        close = admin.page.get_by_role("button", name="Close over")
        await close.click()
        await assert_no_barrier(admin.page)
        await admin.page.get_by_role("button", name="Cancel").click()
        assert "over" in await system.rooms()  # asked, and thought better of it
        await close.click()
        await admin.page.get_by_role("button", name="Close the room").click()
        await publishing.tells("An operator closed the room.", within=5)
        await watching.tells("over is not live yet.", within=8)
        await system.room_gone("over", within=3)
        await close.wait_for(state="detached", timeout=5000)


async def test_what_is_wrong_is_shown(system: System, browser: Browser) -> None:
    room = {
        "name": "troubled",
        "hasPublisher": True,
        "tracks": 2,
        "subscribers": 0,
        "codecs": ["opus", "H264"],
        "bitrate": 0,
        "uptime": 5,
        "workers": ["worker0"],
        "copies": [],
        "warnings": ["the disk is full: recording has ended"],
        "layers": [
            {"rid": "f", "width": 1280, "height": 720, "bitrate": 2_500_000, "viewers": 1},
            {"rid": "h", "width": 0, "height": 0, "bitrate": 0, "viewers": 0},
        ],
        "viewersByReason": {"full": 1, "line": 0, "choice": 0},
    }

    async def one_room(route: Route) -> None:
        await route.fulfill(json=[room])

    async def no_worker(route: Route) -> None:
        await route.fulfill(json=[])

    async with await open_admin_page(browser, system.controls[0].url) as admin:
        await admin.page.route("**/api/rooms?detail=true", one_room)
        await admin.page.route("**/api/workers", no_worker)
        await admin.sign_in(ADMIN_TOKEN)
        await admin.shows("the disk is full: recording has ended")
        await admin.shows("720p, 2.5 Mbit/s, 1 viewer")
        await admin.shows("h, not sent, 0 viewers")
        await admin.shows("No media worker is alive")
        await assert_no_barrier(admin.page)
