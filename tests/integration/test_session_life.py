"""Sessions of the media plane from offer to end, over a real socket, with time passed in."""

import asyncio
from itertools import pairwise

import pytest

from media.rtp.packet import parse
from media.rtp.rtcp import Pli, SenderReport, parse_compound, pli, sender_report
from media.transport.ice import CONSENT_SECONDS
from shared.bus import keys
from shared.messages.encoding import DecodeError
from shared.messages.signalling import Play, Publish, Role
from tests.support.peer import IN_TIME, SSRCS
from tests.support.plane import ROOM, Plane
from tests.support.waiting import eventually

# --- connecting


@pytest.mark.parametrize(("setup", "gcm"), [("actpass", True), ("active", False), ("passive", True)])
async def test_media_flows_from_publisher_to_viewer(plane: Plane, setup: str, gcm: bool) -> None:
    publisher = await plane.connected(publishes=True, setup=setup, gcm=gcm)
    viewer = await plane.connected(publishes=False, setup=setup, gcm=gcm)
    await viewer.gets_media_of(publisher)
    packets = [parse(datagram) for datagram in viewer.rtp]
    assert {packet.payload_type for packet in packets} == {96, 111}
    assert not {packet.ssrc for packet in packets} & set(SSRCS.values())
    for payload_type in (96, 111):
        numbers = [packet.sequence for packet in packets if packet.payload_type == payload_type]
        payloads = [int.from_bytes(p.payload) for p in packets if p.payload_type == payload_type]
        assert [b - a for a, b in pairwise(numbers)] == [1] * (len(numbers) - 1)
        assert [b - a for a, b in pairwise(payloads)] == [2] * (len(numbers) - 1)
    assert plane.subscribers == 1
    assert plane.media.rooms.statuses()[0].rx_packets >= len(viewer.rtp)


async def test_the_first_packets_of_a_publisher_are_not_lost(plane: Plane) -> None:
    """They follow its end of the handshake at once; a DTLS client, which FFmpeg asks for, is done later."""
    publisher = plane.peer(publishes=True, setup="passive")
    await publisher.connect((await plane.ask(publisher, publishes=True)).sdp)
    assert not plane.session(publisher).connected
    publisher.send_media()
    publisher.send_rtcp(sender_report(SSRCS[96], 1, 2, 3, 4))
    publisher.send_media()
    await eventually("all have come", lambda: plane.media.rooms.statuses()[0].rx_packets == 4, IN_TIME)
    assert any(plane.room.publisher.reported(number) for number in range(2))


async def test_a_joining_viewer_and_one_that_asks_get_a_keyframe_requested(plane: Plane) -> None:
    publisher = await plane.connected(publishes=True)
    publisher.send_media()
    await eventually("it is heard", lambda: plane.media.rooms.statuses()[0].rx_packets == 2, IN_TIME)

    def requests() -> int:
        plane.tick(0)
        return sum(isinstance(p, Pli) for compound in publisher.rtcp for p in parse_compound(compound))

    assert not requests()
    viewer = await plane.connected(publishes=False)
    await eventually("asked for it that joined", lambda: requests() == 1, IN_TIME)
    viewer.send_rtcp(pli(1, 1))
    await eventually("asked again", lambda: requests() == 2, IN_TIME)


async def test_both_ends_get_reports(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    plane.tick(1.5)
    plane.tick(3.0)
    await eventually("the publisher has one", lambda: publisher.rtcp, IN_TIME)
    await eventually("the viewer has one", lambda: viewer.rtcp, IN_TIME)
    told = [p for p in parse_compound(viewer.rtcp[-1]) if isinstance(p, SenderReport)]
    assert {report.ssrc for report in told} == {parse(packet).ssrc for packet in viewer.rtp}


# --- ends


async def test_a_silent_publisher_loses_its_room_when_consent_expires(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    plane.tick(CONSENT_SECONDS - 1)
    assert plane.subscribers == 1
    plane.tick(CONSENT_SECONDS + 1)
    assert plane.holds_nothing()
    for peer in (publisher, viewer):
        await eventually("it is told", lambda: peer.closed, IN_TIME)  # noqa: B023


@pytest.mark.parametrize("connects", [True, False])
async def test_of_a_room_whose_publisher_never_connected_redis_keeps_nothing(
    plane: Plane, connects: bool
) -> None:
    """Anybody may make up names of rooms: each end that is kept costs Redis memory for a day."""
    peer = plane.peer(publishes=True)
    answer = await plane.ask(peer, publishes=True)
    if connects:
        await plane.connect(peer, answer)
    assert await plane.delete(peer, Role.PUBLISH) is None

    async def is_free() -> bool:
        return not await plane.redis.exists(keys.room_claim(ROOM))

    await eventually("the room is released", is_free, IN_TIME)
    assert await plane.redis.exists(keys.room_ended(ROOM)) == connects


async def test_what_is_no_offer_opens_nothing(plane: Plane) -> None:
    for ask, message in ((plane.handlers.publish, Publish), (plane.handlers.play, Play)):
        with pytest.raises(DecodeError):
            await ask(message(room=ROOM, offer=b"\x80"))
    assert plane.holds_nothing()


# --- claims


async def test_a_publisher_that_gives_up_amid_its_claim_leaves_none(plane: Plane) -> None:
    """The claim may still arrive. Waiting for it to expire would refuse other publishers for seconds."""
    await plane.redis.client_pause(300)
    publishing = asyncio.create_task(plane.ask(plane.peer(publishes=True), publishes=True))
    await asyncio.sleep(0.1)  # the claim is on its way and not answered
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert plane.holds_nothing()

    async def free() -> bool:
        return await plane.redis.get(keys.room_claim(ROOM)) is None

    await eventually("Redis answers again", plane.redis.ping, IN_TIME)
    await eventually("no claim is left", free, keys.HEARTBEAT_TTL_MS / 1000 - 2)
