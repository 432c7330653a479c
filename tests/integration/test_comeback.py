"""A publisher that goes and comes back, over real sockets and Redis: what its viewers see."""

from collections.abc import AsyncIterator, Sequence

import pytest

from media.sessions.publisher_session import SILENT_SECONDS
from shared.directory.claims import RoomLimits
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, WorkerId
from tests.support.peer import IN_TIME, Peer
from tests.support.plane import ROOM, Plane, running_plane
from tests.support.waiting import eventually

GRACE = 15.0
KEYFRAME = b"\x10\x00 a keyframe of VP8"
VP8, H264, OPUS = 96, 102, 111
H264_LINES = ("a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f")


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url, GRACE) as plane:
        yield plane


async def test_viewers_of_before_and_of_meanwhile_see_who_comes_back(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    late = await plane.connected(publishes=False)
    again = await comes_back(plane)
    await sees(viewer, again)
    await sees(late, again)


async def test_a_comeback_needs_no_place_and_a_refused_one_ends_nothing(redis_url: str) -> None:
    limits = RoomLimits(rooms=2, rooms_of_network=1)
    async with running_plane(redis_url, GRACE, limits) as plane:
        directory = Directory(plane.redis, limits)
        at_its_limit = RoomName("elsewhere")
        await directory.claim_room(at_its_limit, WorkerId("w2"), "198.51.100.1")
        ghost = plane.peer(publishes=True)
        await plane.connect(ghost, await plane.ask(ghost, publishes=True, network="192.0.2.1"))
        viewer = await plane.connected(publishes=False)
        for network in ("192.0.2.1", "2001:db8::/64", "192.0.2.1"):  # it may change networks
            fall_silent(plane)
            await plane.ask(plane.peer(publishes=True), publishes=True, network=network)
        fall_silent(plane)
        with pytest.raises(ServiceError) as refused:
            await plane.ask(plane.peer(publishes=True), publishes=True, network="198.51.100.1")
        assert refused.value.code is ErrorCode.PUBLISHER_LIMIT
        assert plane.subscribers == 1
        assert not viewer.closed
        assert await directory.room_owner(ROOM) == "w1"
        await directory.release_rooms([at_its_limit], WorkerId("w2"))


async def left(plane: Plane, publisher: Peer) -> None:
    """Close DTLS, as a page that is closed does, and wait until that is known."""
    publisher.close()
    await eventually("it has left", lambda: plane.room.source is None, IN_TIME)


async def comes_back(plane: Plane, picture: Sequence[str] | None = None, sound: Sequence[str] = ()) -> Peer:
    peer = Peer(publishes=True) if picture is None else Peer(publishes=True, picture=picture, sound=sound)
    plane.peers.append(peer)
    return await plane.connect(peer, await plane.ask(peer, publishes=True))


def fall_silent(plane: Plane) -> None:
    for track in plane.room.feed.sources:
        track.heard_at -= SILENT_SECONDS


async def sees(viewer: Peer, publisher: Peer) -> None:
    """Wait until a keyframe of `publisher`, sent again and again, has arrived."""
    viewer.rtp.clear()

    def arrived() -> bool:
        publisher.send_packet(VP8, KEYFRAME)
        return any(packet.endswith(KEYFRAME) for packet in viewer.rtp)

    await eventually("the picture arrives", arrived, IN_TIME)


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
