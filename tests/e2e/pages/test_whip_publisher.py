"""`whip-publisher.js` on a page of its own: it publishes, reports, and reconnects."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Response, Route

from tests.e2e.pages.conftest import PRIVATE_ROOM
from tests.support.aiortc_client import publisher, viewer
from tests.support.publisher_tab import open_tab
from tests.support.system import System
from tests.support.waiting import eventually

CONNECT_SECONDS = 15.0

_REPLACE = """async () => {
    const { WhipPublisher } = await import('/static/js/whip-publisher.js');
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    window.publisher = new WhipPublisher('/api/whip/publish/one-kind');
    const replace = (track) => publisher.replaceTrack(track).then(() => 'done', ({ message }) => message);
    const [sound, picture] = [stream.getAudioTracks()[0], stream.getVideoTracks()[0]];
    const found = [await replace(sound)];
    await publisher.publish(new MediaStream([sound]));
    for (const track of [picture, sound.clone()]) found.push(await replace(track));
    publisher.stop();
    return found;
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def is_patch(response: Response) -> bool:
    return response.request.method == "PATCH"


async def test_it_publishes_as_asked_and_tells_how_it_goes(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        await tab.start("studio", codec="video/VP9", maxBitrate=200_000, maxFramerate=15)
        assert await tab.settled() == "live"
        assert await tab.states() == ["connecting", "live"]

        async def moving() -> list[dict[str, Any]] | None:
            stats = await tab.stats()
            # A browser that is short of CPU has frames before its first round trip is measured.
            whole = len(stats) >= 4 and stats[-1]["framesPerSecond"] and stats[-1]["rtt"] is not None
            return stats if whole else None

        stats = (await eventually("statistics", moving, within=15))[-1]
        assert stats["codec"] == "video/VP9"
        assert 0 < stats["bitrate"] < 400_000
        assert stats["framesPerSecond"] <= 16
        assert stats["width"] == 320
        assert 0 <= stats["rtt"] < 1
        assert stats["loss"] == 0
        await tab.page.evaluate("publisher.stop()")
        await system.room_gone("studio", within=3)
        assert await tab.states() == ["connecting", "live", "stopped"]


async def test_it_finds_another_way_to_the_same_session(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        await tab.start("moves", codec="video/VP8")
        assert await tab.settled() == "live"
        async with viewer(system.http, system.whep("moves")) as receiver:
            await receiver.received(within=15)
            for _ in range(2):  # the second needs the ETag of the first
                async with tab.page.expect_response(is_patch) as restarted:
                    await tab.page.evaluate("dispatchEvent(new Event('online'))")
                assert (await restarted.value).status == 200
                await tab.becomes("live", "reconnecting", "live", within=CONNECT_SECONDS)
                await receiver.received(within=15)


async def test_a_refusal_is_told_and_not_repeated(system: System, browser: Browser) -> None:
    async with (
        await open_tab(browser, system.controls[0].url, expected_statuses=[401, 409]) as tab,
        publisher(system.http, system.whip("taken")),
    ):
        await tab.start("taken")
        assert await tab.settled() == 409
        taken = {"status": 409, "says": "publisher already exists in this room"}
        assert await tab.told() == [
            {"state": "connecting"},
            {"tried": True, **taken},
            {"state": "failed", **taken},
        ]
        await tab.start(PRIVATE_ROOM, token="wrong")
        assert await tab.settled() == 401


async def test_it_waits_as_long_as_the_server_asks_it_to(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url, expected_statuses=[429, 503]) as tab:
        refusals = iter([503, 429])

        async def refuse(route: Route) -> None:
            status = next(refusals, None)
            if status is None:
                await route.continue_()
            else:
                await route.fulfill(status=status, json={"error": "not now"}, headers={"Retry-After": "1"})

        await tab.page.route("**/api/whip/**", refuse)
        await tab.start("patient")
        assert await tab.settled() == "live"
        tries = [event for event in await tab.told() if event.get("tried")]
        assert tries == [
            {"tried": True, "retryIn": 1, "status": status, "says": "not now"} for status in (503, 429)
        ]


@pytest.mark.parametrize("lost", ["connection", "proxy"])
async def test_a_session_whose_answer_nobody_saw_does_not_end_its_own_publisher(
    system: System, browser: Browser, lost: str
) -> None:
    async with await open_tab(browser, system.controls[0].url, expected_statuses=[409, 504]) as tab:
        offers = 0

        async def lose_first(route: Route) -> None:
            nonlocal offers
            offers += route.request.method == "POST"
            if route.request.method == "POST" and offers == 1:
                assert (await route.fetch()).status == 201
                await (route.fulfill(status=504) if lost == "proxy" else route.abort())
            else:
                await route.continue_()

        await tab.page.route("**/api/whip/**", lose_first)
        await tab.start(f"unseen-{lost}")
        assert await tab.settled() == "live"
        assert offers > 2  # one met the session of the first
        assert [error for error in tab.errors if "ERR_FAILED" not in error] == []
        tab.errors.clear()


async def test_who_stops_before_the_answer_publishes_again_at_once(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url, expected_statuses=[409]) as tab:
        statuses: list[int] = []
        met = asyncio.Event()

        async def delay_first(route: Route) -> None:
            answer = await route.fetch()
            if route.request.method == "POST":
                statuses.append(answer.status)
                if len(statuses) == 1:
                    await tab.page.evaluate("publisher.stop()")
                    await tab.start("again")
                    await met.wait()
                else:
                    met.set()
            await route.fulfill(response=answer)

        await tab.page.route("**/api/whip/**", delay_first)
        await tab.start("again")
        await asyncio.wait_for(met.wait(), CONNECT_SECONDS)
        assert await tab.settled() == "live"
        assert statuses[:2] == [201, 409]


async def test_a_track_replaces_only_one_of_its_kind(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        found = await tab.page.evaluate(_REPLACE)
        assert found == ["no audio track is published", "no video track is published", "done"]


async def test_limits_that_change_while_it_connects_cross_nothing(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        await tab.page.evaluate("""() => {
            const original = RTCPeerConnection.prototype.setRemoteDescription;
            RTCPeerConnection.prototype.setRemoteDescription = async function (...given) {
                await original.apply(this, given);
                Promise.resolve().then(() => publisher.update({ maxBitrate: 300_000 }));
            };
        }""")
        await tab.start("limits", maxBitrate=1_000_000)
        assert await tab.settled() == "live"
