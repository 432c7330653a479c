"""A viewer whose worker is gone, in a system of its own, because that loses a worker."""

import pytest
from playwright.async_api import Browser, Response

from tests.support.aiortc_client import publisher
from tests.support.browser import open_watch_page
from tests.support.system import running_system

BACK_SECONDS = 30.0

_RECORD_GAPS = """() => {
    const video = document.getElementById('video');
    window.gaps = [];
    let last = performance.now();
    const shown = (now) => {
        gaps.push(now - last);
        last = now;
        video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
}"""

_RECORD_STATES = """() => {
    window.states = [];
    const [connection] = connections;
    connection.addEventListener('connectionstatechange', () => states.push(connection.connectionState));
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_viewer_comes_back_after_its_worker_was_killed(redis_url: str, browser: Browser) -> None:
    async with (
        running_system(redis_url, workers=2) as system,
        publisher(system.http, system.whip("robust")) as first,
        # it asks the worker that is gone
        await open_watch_page(
            browser, system.controls[0].url, "robust", expected_statuses=[404, 503]
        ) as viewer,
    ):
        await viewer.tells("Watching robust.")
        await viewer.pictures()
        worker = first.session_url.rpartition("/")[2].partition(".")[0]
        await viewer.page.evaluate(_RECORD_STATES)
        next(member for member in system.workers if member.name == worker).kill()
        await viewer.tells("robust is no longer live.", within=BACK_SECONDS)
        assert await viewer.page.evaluate("states") == []  # the page was faster than the browser
        second = publisher(system.http, system.whip("robust"))
        await second.connect()
        await viewer.tells("Watching robust.")
        await viewer.pictures()
        await second.delete()
        await second.close()


@pytest.mark.alone
async def test_a_viewer_leaves_a_worker_that_drains_without_a_gap(redis_url: str, browser: Browser) -> None:
    async with (
        running_system(redis_url, workers=2, ADMIN_TOKEN="chief", DRAIN_SECONDS="6") as system,
        publisher(system.http, system.whip("drained")) as source,
        await open_watch_page(browser, system.controls[0].url, "drained") as viewer,
    ):
        await viewer.tells("Watching drained.")
        await viewer.pictures()
        await viewer.page.evaluate(_RECORD_GAPS)
        worker = source.session_url.rpartition("/")[2].partition(".")[0]
        url = f"{system.controls[0].url}/api/admin/workers/{worker}/drain"

        def is_late_delete(response: Response) -> bool:
            return response.request.method == "DELETE"

        async with viewer.page.expect_response(is_late_delete):
            drained = await system.http.post(url, headers={"Authorization": "Bearer chief"})
            assert drained.status_code == 200
        await viewer.pictures()
        assert await viewer.page.evaluate("connections.length") == 2
        assert await viewer.page.get_by_text("Watching drained.").count() == 1
        longest = await viewer.page.evaluate("Math.max(...gaps)")
        print(f"longest gap between two pictures: {longest:.0f} ms")
        assert longest < 1000
