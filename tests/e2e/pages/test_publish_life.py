"""The publish page while it is live: what stays muted, what ends it, and the screen that stays on."""

import asyncio

import pytest
from playwright.async_api import Browser, Dialog, Request, Route

from tests.e2e.pages.conftest import PRIVATE_ROOM, PRIVATE_TOKEN
from tests.support.browser import LIVE_SECONDS, PublishPage, open_publish_page
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_ENABLED = """() => document.getElementById('video').srcObject.getTracks()
    .map(({ kind, enabled }) => [kind, enabled]).sort()"""
_LOCKS = """() => {
    window.locks = [];
    navigator.wakeLock.request = async () => {
        const lock = { released: false, release() { lock.released = true; } };
        window.locks.push(lock);
        return lock;
    };
}"""

_REFUSED_SCREEN = """async () => {
    navigator.mediaDevices.getDisplayMedia = async () => { throw new DOMException('', 'NotAllowedError'); };
    document.querySelector('input[value="screen"]').click();
    await new Promise((done) => { setTimeout(done); });
    const { dataset, textContent } = document.getElementById('status');
    return [dataset.state, textContent];
}"""


async def holds(publisher: PublishPage, script: str) -> None:
    """Wait until `script` is true."""

    async def is_true() -> bool:
        return bool(await publisher.page.evaluate(script))

    await eventually(script, is_true, within=10)


async def deleted(publisher: PublishPage) -> None:
    """End its session on the server, without a reason, as a restart does."""
    await publisher.page.evaluate("fetch(window.resource, { method: 'DELETE' })")


def note_session(publisher: PublishPage) -> None:
    publisher.page.on(
        "response",
        lambda answer: (
            publisher.page.evaluate("(url) => { window.resource = url; }", answer.headers["location"])
            if answer.request.method == "POST" and "location" in answer.headers
            else None
        ),
    )


async def test_a_session_that_nobody_takes_any_more_ends_the_show(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with await open_publish_page(browser, url, "refused", expected_statuses=[403, 404]) as publisher:
        note_session(publisher)
        await publisher.publish()
        await publisher.tells("Live in refused.")
        await holds(publisher, "window.resource")

        async def refuse(route: Route) -> None:
            body = '{"error": "forbidden"}'
            await route.fulfill(status=403, content_type="application/json", body=body)

        await publisher.page.route("**/api/whip/publish/refused", refuse)
        await deleted(publisher)
        await publisher.page.wait_for_selector("#start", state="visible")
        assert await publisher.page.get_attribute("#status", "data-state") == "error"
        assert await publisher.page.is_hidden("#on-air")
        assert await publisher.page.evaluate("document.getElementById('video').srcObject") is None


async def test_while_it_reconnects_it_does_not_say_that_somebody_watches(
    system: System, browser: Browser
) -> None:
    url = system.controls[0].url
    async with await open_publish_page(browser, url, "outage", expected_statuses=[404, 503]) as publisher:
        page = publisher.page
        note_session(publisher)
        await publisher.publish()
        await page.wait_for_selector("#health", state="visible")
        assert await page.is_visible("#on-air")

        async def refuse(route: Route) -> None:
            await route.fulfill(status=503, content_type="application/json", body='{"error": "busy"}')

        await page.route("**/api/whip/publish/outage", refuse)
        await deleted(publisher)
        await publisher.tells("The server is busy restarting.")
        for what in ("#on-air", "#health", "#warnings"):
            assert await page.is_hidden(what)
        told = await page.evaluate(_REFUSED_SCREEN)
        assert told == [
            "waiting",
            "Nothing was chosen to share. The connection is lost. Reconnecting…",
        ]
        await page.unroute("**/api/whip/publish/outage")
        await publisher.tells("Live in outage.")
        await page.wait_for_selector("#health", state="visible")
        assert await page.is_visible("#on-air")


async def test_who_is_muted_stays_so_with_another_source(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "hushed") as publisher:
        page = publisher.page
        await publisher.publish()
        await publisher.tells("Live in hushed.")
        await page.click("#mute")
        before = await page.evaluate("document.getElementById('video').srcObject.id")
        await page.select_option("#frame-rate", "15")
        await holds(publisher, f"document.getElementById('video').srcObject.id !== '{before}'")
        assert await page.get_attribute("#mute", "aria-pressed") == "true"
        assert await page.evaluate(_ENABLED) == [["audio", False], ["video", True]]
        await publisher.stop()
        assert await page.get_attribute("#mute", "aria-pressed") == "false"


async def test_the_screen_stays_on_while_live_and_no_longer(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "awake") as publisher:
        page = publisher.page
        await page.evaluate(_LOCKS)
        await publisher.publish()
        await publisher.tells("Live in awake.")
        await holds(publisher, "locks.length === 1 && !locks[0].released")
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # back from another app
        await holds(publisher, "locks.length === 2 && locks[0].released && !locks[1].released")
        await publisher.stop()
        await holds(publisher, "locks.length === 2 && locks[1].released")


async def test_a_session_is_ended_without_its_token_which_may_have_expired(
    system: System, browser: Browser
) -> None:
    ends: list[Request] = []
    async with await open_publish_page(browser, system.controls[0].url, PRIVATE_ROOM) as publisher:
        await publisher.page.fill("#room-token", PRIVATE_TOKEN)
        await publisher.publish()
        await publisher.tells(f"Live in {PRIVATE_ROOM}.")
        publisher.page.on(
            "request", lambda request: ends.append(request) if request.method == "DELETE" else None
        )
        await publisher.stop()
        await eventually("a DELETE", lambda: bool(ends), within=5)
        assert "authorization" not in await ends[0].all_headers()
        answer = await ends[0].response()
        assert answer
        assert answer.status == 200


async def test_a_token_that_was_typed_before_the_server_answered_is_kept(
    system: System, browser: Browser
) -> None:
    typed = asyncio.Event()

    async def late(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    async with await open_publish_page(browser, system.controls[0].url, PRIVATE_ROOM) as publisher:
        await publisher.page.route("**/api/bootstrap", late)
        await publisher.page.reload()
        await publisher.page.fill("#room-token", PRIVATE_TOKEN)
        await publisher.page.evaluate("document.getElementById('obs-token').textContent = ''")
        typed.set()
        await holds(publisher, "document.getElementById('obs-token').textContent !== ''")  # it has answered
        await publisher.publish()
        await publisher.tells(f"Live in {PRIVATE_ROOM}.")


async def test_a_page_that_a_browser_shows_again_says_that_it_has_stopped(
    system: System, browser: Browser
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "left") as publisher:
        await publisher.publish()
        await publisher.tells("Live in left.")
        await publisher.page.evaluate(
            "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))"
        )
        await publisher.tells("Not publishing.")


async def test_a_link_ends_what_is_live_only_if_somebody_says_so(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with await open_publish_page(browser, url, "linked", expected_statuses=[404]) as publisher:
        page = publisher.page
        note_session(publisher)
        asked: list[str] = []

        async def stay(dialog: Dialog) -> None:
            asked.append(dialog.type)
            await dialog.dismiss()

        page.on("dialog", stay)
        await publisher.publish()
        await publisher.tells("Live in linked.")
        await page.get_by_role("link", name="Deutsch").click()
        await eventually("the browser asks", lambda: bool(asked), within=5)
        async with asyncio.timeout(LIVE_SECONDS):
            await asyncio.gather(publisher.will_tell("Reconnecting…"), deleted(publisher))
        await publisher.tells("Live in linked.")  # another session of the same show
        await publisher.stop()
        await page.get_by_role("link", name="Deutsch").click()
        await publisher.tells("Du sendest nicht.")
        assert asked == ["beforeunload"]
