"""A viewer on another worker than the publisher gets what it chooses, and the workers' line nothing else."""

import asyncio
import contextlib

import pytest
from playwright.async_api import Page

from media.relay.wanted_layers import LINGER_SECONDS
from tests.support.browser import chromium
from tests.support.layer_publisher import LOW, TOP, Layer, layer_publisher
from tests.support.script_publisher import ScriptPublisher
from tests.support.system import Member, System, running_system
from tests.support.tab_player import open_page
from tests.support.viewer_tab import watching
from tests.support.waiting import eventually

ROOM = "wide"
TWO = (LOW, TOP)  # Chromium sends no more of a picture of this size
CHANGE_SECONDS = 10.0
MEASURE_SECONDS = 4.0
SOUND = 100_000  # bit/s, with its headers
ROOM_TO_SPARE = 1.3  # encoders do not hold their bit rates well

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

_CHOOSE = """async (rid) => {
    const headers = { 'Content-Type': 'application/json' };
    const wish = { method: 'POST', headers, body: JSON.stringify({ rid }) };
    const response = await fetch(`${session}/layer`, wish);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}"""


@pytest.mark.soak
async def test_an_edge_takes_the_layer_that_its_viewer_chooses_and_no_other(redis_url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        system = await stack.enter_async_context(running_system(redis_url, workers=2, WORKER_MAX_VIEWERS="1"))
        browser = await stack.enter_async_context(chromium())
        url = system.controls[0].url
        publisher = await stack.enter_async_context(
            layer_publisher(browser, url, ROOM, TWO, lead=lambda answer: answer)
        )
        await eventually("all layers are sent", lambda: sends_all(publisher), within=30)
        pages = [await open_page(browser, url) for _ in range(2)]
        for page in pages:
            await stack.enter_async_context(watching(page, system.whep(ROOM)))
            await shows(page, TOP)
        here, there = pages
        edge = await edge_of(system, there)
        await there.evaluate(_CHOOSE, LOW.rid)
        await shows(there, LOW)
        await asyncio.sleep(LINGER_SECONDS + 1)
        assert await bitrate_into(system, edge) < ROOM_TO_SPARE * (LOW.bitrate + SOUND)
        await there.evaluate(_CHOOSE, None)
        await shows(there, TOP)
        assert await height_of(here) == TOP.height


async def sends_all(publisher: ScriptPublisher) -> bool:
    sent = await publisher.sent()
    return len([one for one in sent if one.rid and one.frames > 30]) == len(TWO)


async def height_of(page: Page) -> int:
    height: int = await page.evaluate("video.videoHeight")
    return height


async def shows(page: Page, layer: Layer) -> None:
    async def shown() -> bool:
        return await height_of(page) == layer.height

    await eventually(f"it shows {layer.height} rows", shown, within=CHANGE_SECONDS)


async def edge_of(system: System, page: Page) -> Member:
    """The worker that a viewer is on, which has the second place of the room."""
    name: str = await page.evaluate("session.pathname.split('/').pop().split('.')[0]")
    return next(worker for worker in system.workers if worker.name == name)


async def bitrate_into(system: System, worker: Member) -> float:
    """Bits a second of RTP that the worker gets."""

    async def octets() -> float:
        text = (await system.http.get(f"{worker.url}/metrics")).text
        line = next(line for line in text.splitlines() if line.startswith("roomcast_ingress_bytes_total"))
        return float(line.split()[-1])

    before = await octets()
    await asyncio.sleep(MEASURE_SECONDS)  # the rate over that time is what the test is about
    return (await octets() - before) * 8 / MEASURE_SECONDS
