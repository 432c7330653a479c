"""Chromium offers three layers: it sends the best one, and that is what viewers see."""

import pytest

from tests.support.browser import chromium, open_watch_page
from tests.support.script_publisher import Sent, script_publisher
from tests.support.system import running_system
from tests.support.waiting import eventually

LAYERS = [
    {"rid": "q", "scaleResolutionDownBy": 4, "maxBitrate": 100_000},
    {"rid": "h", "scaleResolutionDownBy": 2, "maxBitrate": 250_000},
    {"rid": "f", "scaleResolutionDownBy": 1, "maxBitrate": 1_500_000},
]
SIZE = (240, 160)

pytestmark = pytest.mark.e2e


async def test_the_best_layer_of_a_simulcast_offer_is_sent_and_seen(redis_url: str) -> None:
    async with running_system(redis_url) as system, chromium() as browser:
        url = system.controls[0].url
        async with (
            script_publisher(browser, url, "layers", LAYERS, size=SIZE) as publisher,
            await open_watch_page(browser, url, "layers") as viewer,
        ):
            assert "a=simulcast:send q;h;f" in publisher.offer
            assert "a=simulcast:recv f" in publisher.answer

            async def sends_the_best() -> list[Sent]:
                return [layer for layer in await publisher.sent() if layer.rid == "f" and layer.frames > 30]

            (best,) = await eventually("the best layer is sent", sends_the_best, within=20)
            assert best.height == SIZE[1]
            await viewer.pictures(frames=15)
            others = [layer for layer in await publisher.sent() if layer.rid != "f"]
            assert [layer.octets for layer in others] == [0, 0]
            assert not any(layer.active for layer in others)
            assert await viewer.video("videoHeight") == SIZE[1]
