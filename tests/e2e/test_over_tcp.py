"""Chromium in a network that drops UDP publishes and watches over TCP, and survives a line that stands."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.async_api import Browser

from tests.support.browser import WatchPage, chromium, open_publish_page, open_watch_page
from tests.support.cable import NO_UDP, NOTHING, Cable, cable
from tests.support.camera import CLOCK_RATE, Camera
from tests.support.system import LOOPBACK, System, running_system
from tests.support.tab_player import open_page
from tests.support.viewer_tab import watching
from tests.support.waiting import eventually
from tools.bench.usage import resident_bytes

ROOM = "tcp"
_SHOWN = """() => {
    const video = pc.getReceivers().find(({ track }) => track.kind === 'video');
    return video.getSynchronizationSources()[0].rtpTimestamp;
}"""
TICKS = CLOCK_RATE // 30  # of a frame of the camera
LATE_SECONDS = 0.7
SECONDS = 30.0
STALL_SECONDS, LIVE_SECONDS = 5.0, 2.0
MOST_MORE_BYTES = 8 * 1024 * 1024  # that a worker has after a stall: the backlog is 1.2 MB at most

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Office:
    """A system, and behind a firewall a browser."""

    system: System
    browser: Browser
    wire: Cable

    @property
    def url(self) -> str:
        return self.system.controls[0].url

    async def transports(self) -> list[str]:
        """Of the room's sessions, publisher first."""
        answer = await self.system.http.get(
            f"{self.url}/api/admin/sessions", headers={"Authorization": "Bearer chief"}
        )
        return [session["transport"] for session in answer.json()["sessions"]]


@contextlib.asynccontextmanager
async def office(redis_url: str) -> AsyncIterator[Office]:
    with cable() as wire:
        async with running_system(redis_url, media_ip=wire.host, ADMIN_TOKEN="chief") as system:
            port = httpx.URL(system.controls[0].url).port
            assert port
            async with wire.namespace.door(LOOPBACK, port), chromium(wire.namespace) as browser:
                yield Office(system, browser, wire)


@contextlib.asynccontextmanager
async def published_and_watched(redis_url: str) -> AsyncIterator[WatchPage]:
    """The page of a viewer that sees and hears what a browser in the same office publishes."""
    async with (
        office(redis_url) as here,
        await open_publish_page(here.browser, here.url, ROOM) as publisher,
        await open_watch_page(here.browser, here.url, ROOM) as viewer,
    ):
        await publisher.publish()
        await publisher.tells(f"Live in {ROOM}.")
        await viewer.sees_and_hears(within=30, frames=20)
        assert await here.transports() == ["tcp", "tcp"]
        yield viewer
        await publisher.stop()


async def test_chromium_publishes_and_watches_where_udp_is_dropped(redis_url: str) -> None:
    async with published_and_watched(redis_url) as viewer:
        await viewer.pictures(frames=20)


@pytest.mark.soak
@pytest.mark.alone
async def test_sound_and_picture_are_whole_over_tcp(redis_url: str) -> None:
    """It measures what a Chromium encodes and decodes in half a minute, on a host that does nothing else."""
    async with published_and_watched(redis_url) as viewer:
        before = await viewer.received()
        began = time.monotonic()
        await asyncio.sleep(SECONDS)
        after = await viewer.received()
        took = time.monotonic() - began
        print(f"in {took:.1f} s: {before} to {after}")
        assert after.frames_decoded - before.frames_decoded > 15 * took  # its fake camera gives 20 or 30
        assert after.audio_samples - before.audio_samples > 0.95 * 48_000 * took


@pytest.mark.soak
@pytest.mark.alone
async def test_a_line_that_stands_for_five_seconds_is_live_again_within_two(redis_url: str) -> None:
    camera = Camera(gop=60.0, size=(256, 144))
    async with contextlib.AsyncExitStack() as stack:
        here = await stack.enter_async_context(office(redis_url))
        page = await open_page(here.browser, here.url)
        await stack.enter_async_context(camera.publishing(here.system.http, here.system.whip(ROOM)))
        await here.system.room_live(ROOM, within=5)
        viewer = await stack.enter_async_context(watching(page, here.system.whep(ROOM)))
        worker = here.system.workers[0].pid

        async def behind() -> float:
            """By how many seconds the picture that is shown is older than the camera's, and a constant."""
            shown: int = await page.evaluate(_SHOWN)
            return (camera.frames * TICKS - shown & 0xFFFFFFFF) / CLOCK_RATE

        await viewer.sees((await viewer.seen()).decoded + 90, within=15)
        usual, before = await behind(), resident_bytes([worker])
        here.wire.drops(NOTHING)
        await asyncio.sleep(STALL_SECONDS)
        assert resident_bytes([worker]) - before < MOST_MORE_BYTES
        assert await behind() > usual + STALL_SECONDS / 2
        here.wire.drops(NO_UDP)
        began = time.monotonic()

        async def is_live() -> bool:
            return await behind() < usual + LATE_SECONDS

        await eventually("the picture is live", is_live, LIVE_SECONDS)
        print(f"live again after {time.monotonic() - began:.2f} s")
        since = []
        for _ in range(10):
            await asyncio.sleep(0.3)
            since.append(await behind() - usual)
        print(f"then it is later than before by {', '.join(f'{late:.2f}' for late in since)} s")
        assert sorted(since)[7] < LATE_SECONDS  # and stays live, but for a moment
