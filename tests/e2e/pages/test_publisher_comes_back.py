"""A publisher in the browser whose worker dies."""

import pytest
from playwright.async_api import Response

from tests.support.aiortc_client import viewer
from tests.support.browser import chromium
from tests.support.publisher_tab import open_tab
from tests.support.system import running_system

RETURN_SECONDS = 30.0  # to notice that the worker is gone, and to be back

pytestmark = pytest.mark.e2e


def is_post(response: Response) -> bool:
    return response.request.method == "POST"


async def test_it_comes_back_when_its_worker_is_gone(redis_url: str) -> None:
    async with (
        running_system(redis_url, workers=2) as system,
        chromium() as browser,
        await open_tab(browser, system.controls[0].url, expected_statuses=[404, 409]) as tab,
    ):
        async with tab.page.expect_response(is_post) as opened:
            await tab.start("orphan", codec="video/VP8")
        assert await tab.settled() == "live"
        owner = (await (await opened.value).all_headers())["location"].rpartition("/")[2].partition(".")[0]
        next(worker for worker in system.workers if worker.name == owner).kill()
        await tab.becomes("live", "reconnecting", "live", within=RETURN_SECONDS)
        async with viewer(system.http, system.whep("orphan")) as receiver:
            await receiver.received(within=15)
