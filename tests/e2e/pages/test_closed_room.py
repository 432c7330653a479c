"""An operator closes a room at the worst moment: the browser's console stays empty."""

import asyncio

import pytest
from playwright.async_api import Browser, Route

from tests.e2e.pages.conftest import ADMIN_TOKEN
from tests.support.aiortc_client import publisher
from tests.support.browser import WatchPage
from tests.support.system import System

CREATE, FOLLOW = "**/events", "**/events/*"
ENDED = "A" * 22  # the random part of a session that is not

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_the_page_creates_its_event_stream_after_the_room_was_closed(
    system: System, browser: Browser
) -> None:
    url = system.controls[0].url
    arrived, passes = asyncio.Event(), asyncio.Event()

    async def hold_back(route: Route) -> None:
        arrived.set()
        await passes.wait()
        await route.continue_()

    async with publisher(system.http, system.whip("late")), WatchPage(await browser.new_page()) as viewer:
        await viewer.page.route(CREATE, hold_back)
        await viewer.page.goto(f"{url}/watch/late")
        await viewer.tells("Watching late.")
        async with asyncio.timeout(10):
            await arrived.wait()
        closed = await system.http.post(
            f"{url}/api/admin/rooms/late/close", headers={"X-Auth-Token": ADMIN_TOKEN}
        )
        assert closed.status_code == 200
        async with viewer.page.expect_response(CREATE) as answered:
            passes.set()
        assert (await answered.value).status == 204
        await viewer.tells("late was closed.")


async def test_the_page_follows_its_event_stream_after_the_session_ended(
    system: System, browser: Browser
) -> None:
    """The server has ended the session, and the page has not heard of it: as when its last packet is lost."""

    async def lead_to_an_ended_session(route: Route) -> None:
        path, _, _ = route.request.url.removesuffix("/events").rpartition(".")
        await route.fulfill(status=201, headers={"Location": f"{path}.{ENDED}/events/r-AAAAAAAAAAA"})

    async with publisher(system.http, system.whip("gone")), WatchPage(await browser.new_page()) as viewer:
        await viewer.page.route(CREATE, lead_to_an_ended_session)
        async with viewer.page.expect_response(FOLLOW) as answered:
            await viewer.page.goto(f"{system.controls[0].url}/watch/gone")
        assert (await answered.value).status == 204
        await viewer.tells("Watching gone.")
