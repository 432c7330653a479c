"""Chromium in a network that lets no UDP out publishes and watches over TCP."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.async_api import Browser

from tests.support.browser import WatchPage, chromium, open_publish_page, open_watch_page
from tests.support.namespaces import new_namespace
from tests.support.system import LOOPBACK, System, running_system

ROOM = "tcp"
SECONDS = 30.0

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Office:
    """A system, and behind a firewall a browser."""

    system: System
    browser: Browser

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
    """Only TCP passes its doors."""
    async with running_system(redis_url, ADMIN_TOKEN="chief") as system:
        port, media = httpx.URL(system.controls[0].url).port, system.workers[0].media
        assert port
        assert media
        with new_namespace() as inside:
            async with inside.door(LOOPBACK, port), inside.door(*media), chromium(inside) as browser:
                yield Office(system, browser)


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
