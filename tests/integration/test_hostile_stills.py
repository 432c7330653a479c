"""Still pictures of a real worker: a hostile room and a killed decoder cost the others nothing.

With `SNAPSHOTS=0` there are none, and no decoder.
"""

import asyncio
import os
import random
import signal

import httpx
import psutil
import pytest

from tests.support.aiortc_client import publisher, viewer
from tests.support.far_end import rtp
from tests.support.live_publisher import SDP, VP8, LivePublisher, Programme
from tests.support.peer import Peer
from tests.support.still_room import keyframe_payloads
from tests.support.system import System, running_system
from tests.support.waiting import eventually

SOON = 20.0
HOSTILE_FRAMES = 400


async def still(http: httpx.AsyncClient, system: System, room: str) -> bytes | None:
    response = await http.get(f"{system.controls[0].url}/api/rooms/{room}/still")
    assert response.status_code in (200, 404), response.text
    return response.content if response.status_code == 200 else None


async def send_hostile(peer: Peer) -> None:
    """Keyframes of VP8, each damaged in another way, and some that lie about their size."""
    chance = random.Random(2)
    sequence = 0
    for number in range(HOSTILE_FRAMES):
        payloads = [bytearray(payload) for payload in keyframe_payloads("VP8")]
        for _ in range(chance.randrange(1, 30)):
            payload = chance.choice(payloads)
            payload[chance.randrange(8, len(payload))] = chance.randrange(256)
        if number % 2:
            at = payloads[0].index(b"\x01\x2a") + 2 if b"\x01\x2a" in payloads[0] else 8
            payloads[0][at : at + 4] = chance.randbytes(4)
        for place, payload in enumerate(payloads):
            sequence += 1
            last = place == len(payloads) - 1
            peer.send_rtp(
                rtp(sequence, bytes(payload), payload_type=VP8, timestamp=number * 3000, ssrc=7, marker=last)
            )
        await asyncio.sleep(0.02)


@pytest.mark.soak
async def test_a_hostile_room_and_a_killed_decoder_cost_the_others_nothing(valkey_url: str) -> None:
    async with running_system(valkey_url) as system, httpx.AsyncClient() as http:
        worker = psutil.Process(system.workers[0].pid)
        hostile = Peer(publishes=True)
        answer = await http.post(system.whip("hostile"), content=hostile.offer(), headers=SDP)
        await hostile.connect(answer.text)
        attack = asyncio.create_task(send_hostile(hostile))
        honest = LivePublisher(http, system.whip("honest"), Programme(), 1)
        await honest.start(SOON)
        first = await eventually("a picture", lambda: still(http, system, "honest"), SOON)
        assert first.startswith(b"\xff\xd8")
        [decoder] = worker.children()
        os.kill(decoder.pid, signal.SIGKILL)

        async def another() -> bool:
            return await still(http, system, "honest") not in (None, first)

        await eventually("another picture", another, 2 * SOON + 60)
        assert worker.is_running()
        assert len(worker.children()) == 1
        attack.cancel()
        await asyncio.wait([attack])
        honest.kill()
        hostile.close(without_a_word=True)


async def test_without_snapshots_a_live_room_has_no_picture_and_nothing_is_decoded(valkey_url: str) -> None:
    async with (
        running_system(valkey_url, SNAPSHOTS="0") as system,
        publisher(system.http, system.whip("dark")),
        viewer(system.http, system.whep("dark")) as watching,
    ):
        await watching.received(within=SOON, video=60)  # so there was a keyframe, two seconds ago
        assert not psutil.Process(system.workers[0].pid).children()
        assert await still(system.http, system, "dark") is None
