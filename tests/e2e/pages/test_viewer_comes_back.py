"""A viewer whose worker is gone: a system of its own, because it loses a worker."""

import pytest

from tests.support.aiortc_client import publisher
from tests.support.browser import chromium, open_watch_page
from tests.support.system import running_system

BACK_SECONDS = 30.0

pytestmark = pytest.mark.e2e


async def test_a_viewer_comes_back_after_its_worker_was_killed(redis_url: str) -> None:
    async with (
        running_system(redis_url, workers=2) as system,
        chromium() as browser,
        publisher(system.http, system.whip("robust")) as first,
        await open_watch_page(browser, system.controls[0].url, "robust") as viewer,
    ):
        await viewer.tells("Watching robust.")
        await viewer.pictures()
        worker = first.session_url.rpartition("/")[2].partition(".")[0]
        next(member for member in system.workers if member.name == worker).kill()
        await viewer.tells("robust is not live yet.", within=BACK_SECONDS)
        second = publisher(system.http, system.whip("robust"))
        await second.connect()
        await viewer.tells("Watching robust.")
        await viewer.pictures()
        await second.delete()
        await second.close()
