"""A publisher in the browser whose worker dies: it reconnects by itself, and reports it."""

import asyncio

import pytest
from playwright.async_api import Browser, Response

from tests.support.aiortc_client import viewer
from tests.support.browser import open_publish_page
from tests.support.system import running_system

RETURN_SECONDS = 30.0  # to notice that the worker is gone, and to be back

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def is_offer(response: Response) -> bool:
    return response.request.method == "POST"


async def test_it_comes_back_when_its_worker_is_gone(redis_url: str, browser: Browser) -> None:
    async with (
        running_system(redis_url, workers=2) as system,
        await open_publish_page(
            browser, system.controls[0].url, "orphan", expected_statuses=[404, 409, 503]
        ) as page,
    ):
        async with page.page.expect_response(is_offer) as opened:
            await page.publish("video/VP8")
        await page.tells("Live in orphan.")
        owner = (await (await opened.value).all_headers())["location"].rpartition("/")[2].partition(".")[0]
        reconnecting = asyncio.create_task(page.will_tell("Reconnecting"))
        next(worker for worker in system.workers if worker.name == owner).kill()
        await asyncio.wait_for(reconnecting, RETURN_SECONDS)
        await page.tells("Live in orphan.", within=RETURN_SECONDS)
        async with viewer(system.http, system.whep("orphan")) as receiver:
            await receiver.received(within=15)
