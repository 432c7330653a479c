"""A Chromium behind a line that loses one packet in twenty each way sees as well as behind a clean line."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.async_api import Browser

from tests.support.browser import chromium
from tests.support.camera import Camera
from tests.support.line_shape import Shape
from tests.support.namespaces import new_namespace
from tests.support.shaped_line import ShapedLine, shaped_line
from tests.support.system import LOOPBACK, System, running_system
from tests.support.tab_player import open_page
from tests.support.viewer_tab import Seen, ViewerTab, watching

CLEAN, BAD = Shape(delay=0.050), Shape(delay=0.050, loss=0.05)
SHORT_SECONDS, TOLERANCE = 8.0, 0.01
SETTLE_SECONDS = 4.0  # until the jitter buffers have adapted to the line
ROOM = "line"

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


@dataclass(frozen=True)
class Spoiled:
    """What a viewer missed of a stream: shares of its frames, and of the time."""

    missed: float
    frozen: float

    @classmethod
    def of(cls, seen: Seen, sent: int) -> "Spoiled":
        return cls(max(sent - seen.decoded, seen.dropped) / sent, seen.frozen / seen.at)

    def is_as_good_as(self, other: "Spoiled") -> bool:
        return self.missed <= other.missed + TOLERANCE and self.frozen <= other.frozen + TOLERANCE

    def is_far_better_than(self, other: "Spoiled") -> bool:
        return self.missed < other.missed / 2 and self.frozen < other.frozen / 2


@contextlib.asynccontextmanager
async def browser_behind(system: System, shape: Shape) -> AsyncIterator[tuple[Browser, ShapedLine]]:
    """A Chromium whose only way to the media is a line of its own."""
    worker, url = system.workers[0].media, httpx.URL(system.controls[0].url)
    assert worker
    assert url.port
    with new_namespace() as namespace:
        front = namespace.socket(socket.SOCK_DGRAM, worker)
        async with (
            namespace.door(LOOPBACK, url.port),
            shaped_line(worker, front=front, up=shape, down=shape) as line,
            chromium(namespace) as browser,
        ):
            yield browser, line


# A packet that is lost three times stops the picture until the next keyframe, for two seconds at most: in one
# short run of five or so. So the short run tells that sending again works, and only the minute has a figure.
@pytest.mark.parametrize("seconds", [SHORT_SECONDS, pytest.param(60.0, marks=pytest.mark.soak)])
async def test_loss_is_not_seen_and_without_nack_it_is(redis_url: str, seconds: float) -> None:
    async with contextlib.AsyncExitStack() as stack:
        system = await stack.enter_async_context(running_system(redis_url))
        camera = Camera(listens=False, gop=2.0, size=(256, 144))
        await stack.enter_async_context(camera.publishing(system.http, system.whip(ROOM)))
        await system.room_live(ROOM, within=5)
        (good, _), (poor, line) = await asyncio.gather(
            *(stack.enter_async_context(browser_behind(system, shape)) for shape in (CLEAN, BAD))
        )

        async def watch(browser: Browser, *without: str) -> ViewerTab:
            page = await open_page(browser, system.controls[0].url)
            return await stack.enter_async_context(watching(page, system.whep(ROOM), without=without))

        clean, bad, helpless = await asyncio.gather(watch(good), watch(poor), watch(poor, " nack"))
        await asyncio.sleep(SETTLE_SECONDS)
        before = [(await viewer.seen(), camera.frames) for viewer in (clean, bad, helpless)]
        await asyncio.sleep(seconds)
        spoiled = []
        for viewer, (then, frames) in zip((clean, bad, helpless), before, strict=True):
            seen = (await viewer.seen()).since(then)
            spoiled.append(Spoiled.of(seen, camera.frames - frames))
            print(f"{spoiled[-1]}, {seen.delay * 1000:.0f} ms in the jitter buffer; {seen}")
        print(f"{line.down.lost} of {line.down.entered} datagrams lost towards the viewers")
        assert spoiled[1].is_far_better_than(spoiled[2])
        if seconds > SHORT_SECONDS:
            assert spoiled[1].is_as_good_as(spoiled[0])
