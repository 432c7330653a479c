"""One room over five workers in two tiers: real processes, a picture whose keyframes must be asked for."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from media.rtp.packet import parse
from media.rtp.rtcp import Pli, parse_compound
from shared.errors import ErrorCode, ServiceError
from tests.integration.cluster.stage import ADMIN, ROOM, Stage, running_stage
from tests.support.http_peer import Timed
from tests.support.peer import IN_TIME, Peer, payload_of
from tests.support.waiting import eventually

SOUND, PICTURE = 111, 96
KEYFRAME, OTHER = b"\x10\x00", b"\x10\x01"  # how a packet of VP8 begins (RFC 7741 4.2, 4.3)
SOUND_SECONDS, PICTURE_SECONDS = 0.02, 1 / 30
PLAYS_AGAIN_SECONDS = 3.0
UNNOTICED_SECONDS = 0.25
CLAIM_SECONDS = 7.0


async def stream(peer: Peer) -> None:
    """Sound and pictures in real time. Pictures are keyframes only when the server asks for them."""
    began, sound, pictures, heard = time.monotonic(), 0, 0, 0
    while True:
        at = time.monotonic() - began
        while sound * SOUND_SECONDS <= at:
            peer.send_packet(SOUND, payload_of(sound), sound * 960)
            sound += 1
        while pictures * PICTURE_SECONDS <= at:
            news, heard = peer.rtcp[heard:], len(peer.rtcp)
            is_asked = any(isinstance(each, Pli) for compound in news for each in parse_compound(compound))
            begins = KEYFRAME if is_asked or not pictures else OTHER
            peer.send_packet(PICTURE, begins + pictures.to_bytes(6), pictures * 3_000)
            pictures += 1
        await asyncio.sleep(0.005)


async def publish(stage: Stage, worker: int) -> Peer:
    publisher = await stage.publish(worker)
    stage.silence(publisher)
    stage.sending[publisher] = asyncio.create_task(stream(publisher))
    return publisher


async def watch(stage: Stage, worker: int) -> Peer:
    viewer = await stage.play(worker, origin=0)
    viewer.rtp = Timed([])
    return viewer


async def play(stage: Stage, workers: int) -> list[Peer]:
    """A viewer at each worker, which come one after the other."""
    await publish(stage, 0)
    viewers = [await watch(stage, worker) for worker in range(workers)]
    await stage.all_receive(*viewers)
    return viewers


async def copies(stage: Stage) -> dict[str, tuple[str, int]]:
    """By the API: the worker that feeds each edge, and the tier."""
    url = f"{stage.system.controls[0].url}/api/rooms/{ROOM}"
    answer = await stage.system.http.get(url)
    return {copy["worker"]: (copy["from"], copy["tier"]) for copy in answer.json().get("copies", [])}


async def become(stage: Stage, expected: dict[str, tuple[str, int]]) -> None:
    async def are() -> bool:
        return await copies(stage) == expected

    await eventually("the tree is so", are, IN_TIME)


def gap(viewer: Peer, since: float) -> tuple[float, float]:
    """The longest time without a packet since then: of the sound, and of the picture."""
    timed: Any = viewer.rtp
    longest = []
    for payload_type in (SOUND, PICTURE):
        packets = zip(map(parse, timed), timed.own_times, strict=True)
        times = [at for packet, at in packets if packet.payload_type == payload_type and at >= since]
        longest.append(max(later - earlier for earlier, later in pairwise([since, *times, time.monotonic()])))
    return longest[0], longest[1]


def lost(viewer: Peer) -> int:
    """Packets that its streams lack; each stream has one SSRC from beginning to end."""
    missing = 0
    for payload_type in (SOUND, PICTURE):
        packets = [packet for packet in map(parse, viewer.rtp) if packet.payload_type == payload_type]
        assert len({packet.ssrc for packet in packets}) == 1
        numbers = {packet.sequence for packet in packets}
        missing += (max(numbers) - min(numbers) + 1) - len(numbers)
    return missing


async def test_an_edge_feeds_an_edge_and_the_api_tells(redis_url: str) -> None:
    async with running_stage(redis_url, workers=3, RELAY_MAX_EDGES="1") as stage:
        viewers = await play(stage, 3)
        await become(stage, {"worker1": ("worker0", 1), "worker2": ("worker1", 2)})
        assert await stage.metrics("roomcast_relays", direction="out") == [1, 1, 0]
        assert (await stage.system.rooms())[ROOM]["subscribers"] == 3
        assert [lost(viewer) for viewer in viewers] == [0, 0, 0]


TREE = {
    "worker1": ("worker0", 1),
    "worker2": ("worker0", 1),
    "worker3": ("worker1", 2),
    "worker4": ("worker2", 2),
}


async def kill(stage: Stage) -> None:
    stage.worker(1).kill()


async def drain(stage: Stage) -> None:
    stage.worker(1).process.send_signal(signal.SIGTERM)


async def drain_by_api(stage: Stage) -> None:
    url = f"{stage.system.controls[0].url}/api/admin/workers/worker1/drain"
    assert (await stage.system.http.post(url, headers=ADMIN)).status_code == 200


@pytest.mark.alone
@pytest.mark.soak
@pytest.mark.parametrize(
    ("end", "most"),
    [(kill, PLAYS_AGAIN_SECONDS), (drain, UNNOTICED_SECONDS), (drain_by_api, UNNOTICED_SECONDS)],
)
async def test_viewers_below_an_edge_that_goes_play_on(
    redis_url: str, end: Callable[[Stage], Awaitable[None]], most: float
) -> None:
    async with running_stage(redis_url, workers=5, RELAY_MAX_EDGES="2", DRAIN_SECONDS="5") as stage:
        near, _, other, below, beside = await play(stage, 5)
        await become(stage, TREE)
        await asyncio.sleep(2.0)  # the pictures that were asked for by those who came are through
        assert [lost(viewer) for viewer in (near, other, below, beside)] == [0, 0, 0, 0]
        began = time.monotonic()
        await end(stage)
        await asyncio.sleep(4.0)
        gaps = {name: gap(viewer, began) for name, viewer in (("below", below), ("beside", beside))}
        print({name: [f"{each * 1000:.0f} ms" for each in longest] for name, longest in gaps.items()})
        assert max(gaps["below"]) < most
        assert max(gaps["beside"]) < UNNOTICED_SECONDS
        assert lost(beside) == 0
        lost(below)  # the same SSRCs
        assert not below.closed
        found = await copies(stage)
        assert found["worker3"] in {("worker0", 1), ("worker2", 2)}
        print(found)


@pytest.mark.soak
async def test_an_edge_is_killed_while_the_publisher_comes_back_elsewhere(redis_url: str) -> None:
    async with running_stage(redis_url, workers=5, RELAY_MAX_EDGES="1", PUBLISHER_GRACE="60") as stage:
        near, _, below = await play(stage, 3)
        await become(stage, {"worker1": ("worker0", 1), "worker2": ("worker1", 2)})
        stage.silence(stage.peers[0])
        stage.worker(0).kill()

        async def back() -> Peer | None:
            try:
                return await publish(stage, 3)
            except ServiceError as error:
                if error.code not in (ErrorCode.PUBLISHER_EXISTS, ErrorCode.NO_WORKER):
                    raise
                return None

        coming = asyncio.create_task(eventually("it is back", back, 3 * CLAIM_SECONDS, every=0.2))
        stage.worker(1).kill()
        await coming
        await stage.all_receive(below, within=3 * IN_TIME)
        lost(below)
        assert near is not below
        await become(stage, {"worker2": ("worker3", 1)})
