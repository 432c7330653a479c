"""An operator drains a worker from the page, and cancels that."""

import pytest
from playwright.async_api import Browser

from tests.support.browser import open_admin_page
from tests.support.system import running_system

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_worker_is_drained_and_taken_back(redis_url: str, browser: Browser) -> None:
    async with (
        running_system(redis_url, ADMIN_TOKEN="chief", DRAIN_SECONDS="60") as system,
        await open_admin_page(browser, system.controls[0].url) as admin,
    ):
        await admin.sign_in("chief")
        drain = admin.page.get_by_role("button", name="Drain worker0", exact=True)
        await drain.click()
        await admin.page.get_by_role("button", name="Drain the worker").click()
        await admin.shows("Draining")
        await admin.page.get_by_role("button", name="Undrain worker0").click()
        await admin.shows("Ready")
        await drain.wait_for()
