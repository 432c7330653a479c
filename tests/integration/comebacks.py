"""A publisher that goes and comes back, in steps."""

from collections.abc import Sequence

import pytest

from media.sessions.publisher_session import SILENT_SECONDS
from shared.errors import ErrorCode, ServiceError
from tests.support.peer import IN_TIME, Peer
from tests.support.plane import Plane
from tests.support.waiting import eventually

GRACE = 15.0
KEYFRAME, DELTA = b"\x10\x00 a keyframe of VP8", b"\x10\x01 another frame"
VP8, H264, OPUS = 96, 102, 111
H264_LINES = ("a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f")
PCMU_LINES = ("a=rtpmap:0 PCMU/8000",)


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
