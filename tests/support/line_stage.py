"""A live room whose viewers sit behind lines that a test shapes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import count

from playwright.async_api import Browser

from tests.support.browser import chromium
from tests.support.layer_publisher import THREE, Layer, ScriptPublisher, Sent, layer_publisher
from tests.support.line_shape import OPEN, Shape
from tests.support.line_tab import LineTab, line_page, line_tab
from tests.support.shaped_line import Address, ShapedLine, shaped_line
from tests.support.system import System, running_system
from tests.support.waiting import eventually

ROOM = "lines"
ADMIN = "chief"
PUBLISH_SECONDS = 30.0
WATCH_SECONDS = 15.0
FULL = 0.65  # of its bit rate: while there is a better one, Chromium aims at three quarters of a layer's
# Three layers of a small picture, too.
SMALL_LAYERS = "--force-fieldtrials=WebRTC-LegacySimulcastLayerLimit/Disabled/"


@dataclass(frozen=True)
class Stage:
    """What stands. `layers` are published, the lowest first, over `uplink`."""

    system: System
    browser: Browser
    publisher: ScriptPublisher
    layers: Sequence[Layer]
    uplink: ShapedLine
    _seeds: "count[int]"

    @property
    def whep(self) -> str:
        return self.system.whep(ROOM)

    @contextlib.asynccontextmanager
    async def line(self, down: Shape = OPEN) -> AsyncIterator[ShapedLine]:
        """A line of its own."""
        async with shaped_line(_worker(self.system), down=down, seed=next(self._seeds)) as line:
            yield line

    @contextlib.asynccontextmanager
    async def viewer(
        self, line: ShapedLine, edit: Callable[[str], str] = lambda offer: offer
    ) -> AsyncIterator[LineTab]:
        """A Chromium that watches over the line, and sees. `edit` turns its offer."""
        async with (
            line_page(self.browser, self.whep) as page,
            line_tab(page, self.system.http, self.whep, line.lead, edit) as tab,
        ):
            await _sees(tab)
            yield tab

    async def log(self, viewer: LineTab) -> str:
        """The log of a viewer's line (docs/bad-picture.md)."""
        url = f"{self.system.controls[0].url}/api/admin/sessions/{viewer.session}/line"
        answer = await self.system.http.get(url, headers={"Authorization": f"Bearer {ADMIN}"})
        return answer.text

    async def full(self) -> None:
        """Wait until the publisher sends each layer at about its full bit rate."""
        latest = await self.publisher.sent()
        deadline = time.monotonic() + PUBLISH_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(1.0)
            before, latest = latest, await self.publisher.sent()
            if self._is_full(before, latest):
                return
        raise AssertionError(f"the publisher does not send all it should: {latest}")

    def _is_full(self, before: Sequence[Sent], after: Sequence[Sent]) -> bool:
        if len(before) != len(after):  # its layers come one by one
            return False
        rates: dict[str, float] = {}
        for then, now in zip(before, after, strict=True):
            rate = (now.octets - then.octets) * 8 / max(now.at - then.at, 0.1)
            rates[now.rid] = max(rate, rates.get(now.rid, 0.0))  # a single layer has no name, nor has sound
        return all(rates.get(layer.rid, 0.0) > FULL * layer.bitrate for layer in self.layers)


async def _sees(viewer: LineTab) -> None:
    async def sees() -> bool:
        return len((await viewer.seen()).pictures) > 1

    await eventually("a viewer sees", sees, WATCH_SECONDS)


@contextlib.asynccontextmanager
async def line_stage(
    redis_url: str,
    layers: Sequence[Layer] = THREE,
    *,
    codec: str = "video/VP8",
    red: bool = False,
    **settings: str,
) -> AsyncIterator[Stage]:
    """A system, a Chromium, and in it a publisher of `layers`; `red`: with redundant sound."""
    async with (
        running_system(redis_url, ADMIN_TOKEN=ADMIN, **settings) as system,
        chromium(None, SMALL_LAYERS) as browser,
    ):
        url = system.controls[0].url
        async with (
            shaped_line(_worker(system)) as uplink,
            layer_publisher(browser, url, ROOM, layers, lead=uplink.lead, codec=codec, red=red) as publisher,
        ):
            await system.room_live(ROOM, within=10)
            yield Stage(system, browser, publisher, layers, uplink, count(1))


def _worker(system: System) -> Address:
    """Where its media comes from."""
    media = system.workers[0].media
    assert media
    return media
