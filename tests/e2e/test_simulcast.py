"""Chromium offers three layers: it sends all of them, the worker gets each, and viewers see the best."""

import pytest

from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.messages.status import LayerStatus
from shared.names import RoomName, WorkerId
from tests.support.browser import chromium, open_watch_page
from tests.support.script_publisher import Sent, script_publisher
from tests.support.system import running_system
from tests.support.waiting import eventually

# Without its own mode VP9 would send all layers in one stream.
LAYERS = [
    {"rid": "q", "scaleResolutionDownBy": 4, "maxBitrate": 200_000, "scalabilityMode": "L1T1"},
    {"rid": "h", "scaleResolutionDownBy": 2, "maxBitrate": 600_000, "scalabilityMode": "L1T1"},
    {"rid": "f", "scaleResolutionDownBy": 1, "maxBitrate": 1_500_000, "scalabilityMode": "L1T1"},
]
SIZE = (960, 544)  # Chromium leaves out the best layers of a small picture
SIZES = [SIZE, (480, 272), (240, 136)]  # of the layers, best first

# On a busy host Chromium rightly leaves sizes out, since to encode three takes a core.
# Two sizes of a small picture are sent and shown in pages/test_layers.py.
pytestmark = [pytest.mark.e2e, pytest.mark.soak]


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
async def test_all_layers_of_a_simulcast_offer_arrive_and_the_best_is_seen(
    redis_url: str, codec: str
) -> None:
    async with (
        connect(redis_url) as redis,
        running_system(redis_url) as system,
        chromium() as browser,
    ):
        url, directory = system.controls[0].url, Directory(redis)

        async def layers() -> tuple[LayerStatus, ...]:
            """As the worker sees them."""
            workers = [WorkerId(worker.id) for worker in await directory.workers()]
            told = await directory.in_room(RoomName("layers"), workers)
            return next((room.layers for _, room in told.values() if room is not None), ())

        async with (
            script_publisher(
                browser, url, "layers", LAYERS, size=SIZE, grain=96, codec=f"video/{codec}"
            ) as publisher,
            await open_watch_page(browser, url, "layers") as viewer,
        ):
            assert "a=simulcast:send q;h;f" in publisher.offer
            assert "a=simulcast:recv q;h;f" in publisher.answer

            async def sends_all() -> list[Sent]:
                layers = await publisher.sent()
                return layers if all(layer.frames > 15 for layer in layers) else []

            assert {layer.rid for layer in await eventually("all are sent", sends_all, within=60)} == set(
                "qhf"
            )

            async def arrive() -> bool:
                return all(layer.bitrate and layer.width for layer in await layers())

            await eventually("all arrive", arrive, within=10)
            status = await layers()
            assert [layer.rid for layer in status] == ["f", "h", "q"]
            assert [(layer.width, layer.height) for layer in status] == SIZES
            await viewer.pictures(frames=15)
            assert await viewer.video("videoHeight") == SIZE[1]
            (room,) = (await system.http.get(f"{url}/api/rooms?detail=true")).json()
            assert room["tracks"] == 1
