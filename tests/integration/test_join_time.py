"""How long a far viewer waits for its first picture: for ICE and DTLS, and next to nothing of ours."""

import asyncio
import time
from typing import Any

import pytest

from tests.support.line_shape import Shape
from tests.support.meanwhile import meanwhile
from tests.support.peer import IN_TIME, Peer
from tests.support.plane import Plane, running_plane
from tests.support.sdp import read_answer
from tests.support.shaped_line import shaped_line

ROUND_TRIP = 0.150
ROUND_TRIPS = 3  # one of ICE, and two of DTLS 1.2
MOST_SECONDS = 0.060  # beside them: a timer of ours that waits for something on the way would be more
PICTURE_SECONDS = 0.010  # from one packet of the publisher's to the next
JOINS = 3  # the fastest tells what is ours: the others waited for the machine


class FarViewer(Peer):
    """Knows when its first picture came."""

    picture_at = 0.0

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        if not self.picture_at and data[0] >> 6 == 2 and data[1] & 0x7F == 96:
            self.picture_at = time.monotonic()
        super().datagram_received(data, address)


async def join(plane: Plane, round_trip: float) -> float:
    """Seconds from the answer to the first picture, behind a line with that round trip."""
    viewer = FarViewer(publishes=False)
    plane.peers.append(viewer)
    answer = (await plane.ask(viewer, publishes=False)).sdp
    candidate = read_answer(answer).media[0].ice_candidates[0]
    half = Shape(delay=round_trip / 2)
    async with shaped_line((candidate.ip, candidate.port), down=half, up=half) as line:
        began_at = time.monotonic()
        await viewer.connect(line.lead(answer))
        async with asyncio.timeout(IN_TIME):
            while not viewer.picture_at:
                await asyncio.sleep(PICTURE_SECONDS)
    return viewer.picture_at - began_at


@pytest.mark.alone
async def test_a_far_viewer_gets_its_picture_three_round_trips_later_than_a_near_one(redis_url: str) -> None:
    """A fourth would be ours: one check too many, a flight that waits, a keyframe that is asked for late."""
    async with running_plane(redis_url) as plane:
        publisher = await plane.connected(publishes=True)

        async def publish() -> None:
            while True:
                publisher.send_media()
                await asyncio.sleep(PICTURE_SECONDS)

        async with meanwhile(publish()):
            near = min([await join(plane, 0.0) for _ in range(JOINS)])  # what both ends compute
            far = min([await join(plane, ROUND_TRIP) for _ in range(JOINS)])
    print(f"near {near:.3f} s, far {far:.3f} s")
    assert far - near <= ROUND_TRIPS * ROUND_TRIP + MOST_SECONDS
