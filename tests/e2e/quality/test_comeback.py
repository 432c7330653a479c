"""A publisher that is killed and comes back, over and over, under an audience of real browsers."""

import asyncio
import time
from itertools import pairwise

import pytest

from media.rtp.packet import parse
from tests.support.bare_page import BarePage
from tests.support.browser import chromium
from tests.support.live_publisher import CLOCK_RATES, LivePublisher, Programme
from tests.support.peer import Peer
from tests.support.system import System, running_system
from tests.support.waiting import eventually

ROOM = "comeback"
LIVES = 3
VIEWERS = 10
BACK_SECONDS = 1.0  # from the first keyframe of a publisher's life
IN_TIME = 15.0
SILENT_SECONDS = 2.0

pytestmark = pytest.mark.e2e


async def wire_viewer(system: System) -> Peer:
    """A viewer that keeps every packet as it arrived."""
    peer = Peer(publishes=False)
    response = await system.http.post(
        system.whep(ROOM), content=peer.offer(), headers={"Content-Type": "application/sdp"}
    )
    assert response.status_code == 201, response.text
    return await peer.connect(response.text)


async def keep_consent(peer: Peer) -> None:
    while True:
        await asyncio.sleep(5)
        await peer.check()


async def all_decode(page: BarePage, before: list[int]) -> list[float]:
    """When each viewer of the page was seen to have decoded more than `before`, in Unix time."""
    seen: dict[int, float] = {}

    async def look() -> bool:
        decoded = await page.decoded()
        for number, (now, then) in enumerate(zip(decoded, before, strict=True)):
            if now > then:
                seen.setdefault(number, time.time())
        return len(seen) == len(before)

    await eventually("all see the picture", look, IN_TIME)
    return list(seen.values())


@pytest.mark.alone
async def test_viewers_stay_while_their_publisher_is_killed_and_comes_back(redis_url: str) -> None:
    programme = Programme()
    async with running_system(redis_url) as system, chromium() as browser:
        url = system.controls[0].url
        publisher = LivePublisher(system.http, system.whip(ROOM), programme, seed=0)
        await publisher.start(IN_TIME)
        page = await BarePage.open(await browser.new_page(), url, system.http)
        viewers = [page.peer() for _ in range(VIEWERS)]
        await asyncio.gather(*(viewer.connect(system.whep(ROOM), publishes=False) for viewer in viewers))
        wire = await wire_viewer(system)
        consenting = asyncio.create_task(keep_consent(wire))
        await all_decode(page, [0] * VIEWERS)
        await eventually("the wire has both", lambda: len({p[1] & 0x7F for p in wire.rtp}) == 2, IN_TIME)
        back: list[float] = []
        for life in range(1, LIVES):
            killed_at = time.monotonic()
            publisher.kill()
            publisher = LivePublisher(system.http, system.whip(ROOM), programme, seed=life)
            await publisher.start(IN_TIME)
            before = await page.decoded()
            assert time.monotonic() - killed_at > SILENT_SECONDS - 0.5
            assert publisher.refusals
            await eventually("a keyframe is sent", lambda: publisher.keyframe_at, IN_TIME)  # noqa: B023
            assert publisher.keyframe_at is not None
            back += [at - publisher.keyframe_at for at in await all_decode(page, before)]
            assert publisher.keyframes_asked
            assert (await system.rooms())[ROOM]["subscribers"] == VIEWERS + 1
        print(f"picture back after {sorted(back)[len(back) // 2]:.2f} s (median), {max(back):.2f} s (worst)")
        assert max(back) < BACK_SECONDS
        for viewer in viewers:
            assert await viewer.states() == ["connecting", "connected"]
        await eventually("the wire is watched a little longer", lambda: wire.rtp, IN_TIME)
        consenting.cancel()
        publisher.kill()
        wire.close()
    assert_continuous(wire.rtp)


def assert_continuous(datagrams: list[bytes]) -> None:
    """One SSRC for each payload type, no number missing or repeated, timestamps that span the pauses."""
    packets = list(map(parse, datagrams))
    assert {packet.payload_type for packet in packets} == CLOCK_RATES.keys()
    for kind, rate in CLOCK_RATES.items():
        of_kind = [packet for packet in packets if packet.payload_type == kind]
        assert len({packet.ssrc for packet in of_kind}) == 1
        assert {b.sequence - a.sequence & 0xFFFF for a, b in pairwise(of_kind)} == {1}
        steps = [(b.timestamp - a.timestamp & 0xFFFFFFFF) / rate for a, b in pairwise(of_kind)]
        pauses = [step for step in steps if step > SILENT_SECONDS - 0.5]
        assert len(pauses) == LIVES - 1
        assert max(pauses) < 2 * SILENT_SECONDS + 2
        assert all(step < 0.3 for step in steps if step not in pauses)
