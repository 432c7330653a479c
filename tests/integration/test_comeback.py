"""A publisher that goes and comes back: who may, what viewers see of it, and when it is over."""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest

from media.rtp.packet import parse
from media.rtp.rtcp import Pli, parse_compound
from media.sessions.publisher_session import SILENT_SECONDS, START_SECONDS
from media.sessions.session import SETUP_SECONDS
from media.transport.ice import CONSENT_SECONDS
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import CloseRoom, Role
from tests.support.peer import IN_TIME, Peer
from tests.support.plane import ROOM, Plane, running_plane
from tests.support.waiting import eventually

GRACE = 15.0
KEYFRAME, DELTA = b"\x10\x00 a keyframe of VP8", b"\x10\x01 another frame"
VP8, H264, OPUS = 96, 102, 111
H264_LINES = ("a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f")
PCMU_LINES = ("a=rtpmap:0 PCMU/8000",)


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url, GRACE) as plane:
        yield plane


async def left(plane: Plane, publisher: Peer) -> None:
    """Close DTLS, as a page that is closed does, and wait until that is known."""
    publisher.close()
    await eventually("it has left", lambda: plane.room.source is None, IN_TIME)


async def comes_back(
    plane: Plane, identity: str = "open", picture: Sequence[str] | None = None, sound: Sequence[str] = ()
) -> Peer:
    peer = Peer(publishes=True) if picture is None else Peer(publishes=True, picture=picture, sound=sound)
    plane.peers.append(peer)
    return await plane.connect(peer, await plane.ask(peer, publishes=True, identity=identity))


async def assert_refused(plane: Plane, identity: str = "open") -> None:
    with pytest.raises(ServiceError) as refused:
        await plane.ask(plane.peer(publishes=True), publishes=True, identity=identity)
    assert refused.value.code is ErrorCode.PUBLISHER_EXISTS


def fall_silent(plane: Plane, seconds: float = SILENT_SECONDS) -> None:
    """Let it be that long ago that media came."""
    for track in plane.room.feed.sources:
        track.heard_at -= seconds


async def sees(viewer: Peer, publisher: Peer, payload: bytes = KEYFRAME) -> None:
    """Wait until a keyframe of `publisher`, sent again and again, has arrived."""
    viewer.rtp.clear()

    def arrived() -> bool:
        publisher.send_packet(VP8, payload)
        return any(packet.endswith(payload) for packet in viewer.rtp)

    await eventually("the picture arrives", arrived, IN_TIME)


# --- the room waits


@pytest.mark.parametrize("ends", ["DTLS close", "consent"])
async def test_a_room_and_its_viewers_wait_for_their_publisher(plane: Plane, ends: str) -> None:
    publisher, viewer = await plane.pair()
    if ends == "DTLS close":
        await left(plane, publisher)
        silent_for = 0.0
    else:
        silent_for = CONSENT_SECONDS
        plane.publisher_session.ice.heard_at -= silent_for
        fall_silent(plane, silent_for)
        plane.room._heard_at = plane.publisher_session.ice.heard_at + silent_for
        plane.tick(0)
    (status,) = plane.media.rooms.statuses()
    assert (status.has_publisher, status.subscribers, status.tracks) == (False, 1, 2)
    plane.tick(GRACE - 1)
    assert plane.subscribers == 1
    assert await viewer.check()
    assert not viewer.closed
    plane.tick(GRACE + 1)
    assert plane.holds_nothing()
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)


async def test_the_grace_counts_from_when_the_publisher_was_last_heard(plane: Plane) -> None:
    """One that dies without a word has used it up when its consent expires."""
    await plane.pair()
    plane.tick(CONSENT_SECONDS - 1)
    assert plane.subscribers is not None
    plane.tick(CONSENT_SECONDS + 1)
    assert plane.holds_nothing()


async def test_a_publisher_that_shows_no_media_is_listed_as_gone(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    plane.tick(0)
    assert plane.media.rooms.statuses()[0].has_publisher
    fall_silent(plane)
    plane.tick(0)
    assert not plane.media.rooms.statuses()[0].has_publisher
    await viewer.gets_media_of(publisher)
    plane.tick(0)
    assert plane.media.rooms.statuses()[0].has_publisher


async def test_a_viewer_may_join_while_the_room_waits(plane: Plane) -> None:
    publisher, _ = await plane.pair()
    await left(plane, publisher)
    late = await plane.connected(publishes=False)
    await sees(late, await comes_back(plane))


async def test_a_publisher_that_never_came_is_not_waited_for(plane: Plane) -> None:
    await plane.ask(plane.peer(publishes=True), publishes=True)
    plane.tick(SETUP_SECONDS)
    assert plane.holds_nothing()


async def test_a_comeback_that_fails_does_not_cost_the_room_its_grace(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    peer = plane.peer(publishes=True)
    await plane.ask(peer, publishes=True)
    session = plane.publisher_session
    session.began_at -= SETUP_SECONDS
    plane.tick(0)
    assert session.ended
    assert plane.subscribers == 1
    await sees(viewer, await comes_back(plane))


async def test_close_room_does_not_wait(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    assert (await plane.handlers.close_room(CloseRoom(room=ROOM))).sessions == 1
    assert plane.holds_nothing()
    await eventually("it is told", lambda: viewer.closed, IN_TIME)


# --- DELETE


async def test_delete_frees_the_room_at_once(plane: Plane) -> None:
    publisher, _ = await plane.pair()
    assert await plane.delete(publisher, Role.PUBLISH) is None
    assert plane.holds_nothing()


async def test_a_farewell_ends_the_room_that_waits(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    assert await plane.delete(publisher, Role.PUBLISH) is None
    assert plane.holds_nothing()
    await eventually("it is told", lambda: viewer.closed, IN_TIME)


@pytest.mark.parametrize("way", ["left", "displaced"])
async def test_a_farewell_of_a_former_session_ends_nothing(plane: Plane, way: str) -> None:
    publisher, viewer = await plane.pair()
    if way == "left":
        await left(plane, publisher)
    else:
        fall_silent(plane)
    successor = await comes_back(plane)
    assert await plane.delete(publisher, Role.PUBLISH) is None
    await sees(viewer, successor)


# --- who may come


async def test_a_publisher_that_is_alive_is_never_displaced(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    fall_silent(plane, SILENT_SECONDS - 1)
    await assert_refused(plane)
    await viewer.gets_media_of(publisher)


async def test_a_silent_publisher_gives_way_to_itself_only(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    fall_silent(plane)
    await assert_refused(plane, identity="somebody else")
    await assert_refused(plane, identity="")
    successor = await comes_back(plane)
    await eventually("the old one is told", lambda: publisher.closed, IN_TIME)
    await sees(viewer, successor)


async def test_a_publisher_on_its_way_is_not_displaced(plane: Plane) -> None:
    peer = plane.peer(publishes=True)
    await peer.take((await plane.ask(peer, publishes=True)).sdp)
    await assert_refused(plane)
    plane.publisher_session.began_at -= START_SECONDS
    assert await peer.check()
    await assert_refused(plane)
    plane.publisher_session.ice.heard_at -= SILENT_SECONDS
    await comes_back(plane)


async def test_a_publisher_that_has_gone_blocks_nobody_but_viewers_stay_with_their_own(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    other = await comes_back(plane, identity="somebody else")
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    await sees(await plane.connected(publishes=False), other)


async def test_of_two_that_come_back_at_once_one_is_refused(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    successor = await comes_back(plane)
    await assert_refused(plane)
    await sees(viewer, successor)


# --- what viewers see


async def test_a_viewer_sees_one_stream_of_many_publishers(plane: Plane) -> None:
    publisher = await plane.connected(publishes=True)
    viewer = await plane.connected(publishes=False)
    await sees(viewer, publisher)
    first = parse(viewer.rtp[-1])
    got = [first]
    for _ in range(3):
        publisher.close(without_a_word=True)
        fall_silent(plane)
        publisher = await comes_back(plane)
        publisher.send_packet(VP8, DELTA)
        await sees(viewer, publisher)
        got += map(parse, viewer.rtp)
    assert {(packet.ssrc, packet.payload_type) for packet in got} == {(first.ssrc, first.payload_type)}
    assert DELTA not in [packet.payload for packet in got]
    assert {b.sequence - a.sequence & 0xFFFF for a, b in pairwise(got)} == {1}
    assert all(b.timestamp - a.timestamp & 0xFFFFFFFF < 0x80000000 for a, b in pairwise(got))


async def test_a_keyframe_is_asked_of_the_successor_at_once(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    successor = await comes_back(plane)

    def asked() -> bool:
        successor.send_packet(VP8, DELTA)
        plane.tick(0)
        return any(isinstance(p, Pli) for compound in successor.rtcp for p in parse_compound(compound))

    await eventually("it is asked", asked, IN_TIME)
    await sees(viewer, successor)


async def test_only_viewers_that_cannot_take_the_new_codec_are_closed(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    listener = Peer(publishes=False, picture=())
    plane.peers.append(listener)
    await plane.connect(listener, await plane.ask(listener, publishes=False))
    await left(plane, publisher)
    successor = await comes_back(plane, picture=H264_LINES, sound=("a=rtpmap:111 opus/48000/2",))
    await eventually("it is told", lambda: viewer.closed, IN_TIME)
    assert plane.subscribers == 1
    assert plane.media.rooms.statuses()[0].codecs == ("opus", "H264")

    def heard() -> bool:
        successor.send_packet(OPUS, b"new sound")
        return any(packet.endswith(b"new sound") for packet in listener.rtp)

    await eventually("the sound goes on", heard, IN_TIME)
    again = Peer(publishes=False, picture=H264_LINES)
    plane.peers.append(again)
    await plane.connect(again, await plane.ask(again, publishes=False))

    def seen() -> bool:
        successor.send_packet(H264, b"\x65 a keyframe")
        return any(packet.endswith(b"\x65 a keyframe") for packet in again.rtp)

    await eventually("the picture comes", seen, IN_TIME)


async def test_sound_alone_may_take_over_and_the_picture_come_again(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    successor = await comes_back(
        plane, picture=(), sound=("a=rtpmap:8 PCMA/8000", "a=rtpmap:111 opus/48000/2")
    )
    await eventually("PCMA is not what the viewer takes", lambda: viewer.closed, IN_TIME)
    await left(plane, successor)
    assert plane.subscribers == 0
    sounding = await comes_back(plane, picture=(), sound=("a=rtpmap:111 opus/48000/2",))
    viewer = await plane.connected(publishes=False)
    assert plane.room.tracks[1].published.codec.feedback == frozenset()  # of a picture that nobody sends
    await left(plane, sounding)
    await sees(viewer, await comes_back(plane))


async def test_viewers_of_sound_come_anew_for_a_picture(plane: Plane) -> None:
    publisher = Peer(publishes=True, picture=())
    plane.peers.append(publisher)
    await plane.connect(publisher, await plane.ask(publisher, publishes=True))
    viewer = await plane.connected(publishes=False)
    await left(plane, publisher)
    successor = await comes_back(plane)
    await eventually("it is told", lambda: viewer.closed, IN_TIME)
    await sees(await plane.connected(publishes=False), successor)
