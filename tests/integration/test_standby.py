"""A publisher that stands by: viewers get it while the room's own does not send, in the same session."""

from collections.abc import AsyncIterator
from itertools import pairwise
from time import monotonic

import pytest

from media.rtp.rtcp import pli
from media.sessions.publisher_session import SILENT_SECONDS
from media.tracks.reception import OUR_SSRC
from shared.errors import ServiceError
from shared.messages.signalling import SwitchRoom
from shared.names import cut_session
from tests.support.peer import IN_TIME, SSRCS, Peer
from tests.support.plane import ROOM, Plane, running_plane
from tests.support.waiting import eventually

VP8, OPUS = 96, 111
VP8_LINES = ("a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli")


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url, grace=15.0) as plane:
        yield plane


async def stands_by(plane: Plane) -> Peer:
    peer = Peer(publishes=True, picture=VP8_LINES)
    plane.peers.append(peer)
    return await plane.connect(peer, await plane.ask(peer, publishes=True, stands_by=True))


class Picture:
    """What one publisher sends: pictures and sound with its name in them."""

    def __init__(self, peer: Peer, name: bytes) -> None:
        self.peer, self.name, self.sent = peer, name, 0

    @property
    def timestamps(self) -> tuple[int, int]:
        now = monotonic()
        return round(now * 90_000) & 0xFFFFFFFF, round(now * 48_000) & 0xFFFFFFFF

    def sends(self, *, keyframe: bool = False) -> None:
        picture, sound = self.timestamps
        self.sent += 2
        head = b"\x10\x00" if keyframe else b"\x10\x01"
        self.peer.send_packet(VP8, head + self.name, picture)
        self.peer.send_packet(OPUS, b"\x10\x01" + self.name, sound)

    def is_asked(self) -> bool:
        """Whether it is asked for a keyframe."""
        return any(packet.startswith(pli(OUR_SSRC, SSRCS[VP8])[:2]) for packet in self.peer.rtcp)


async def seen(plane: Plane, viewer: Peer, of: Picture, *others: Picture) -> None:
    """Wait until a viewer has its picture, and the sound with it. All send keyframes when they are asked."""
    viewer.rtp.clear()

    def has_come() -> bool:
        plane.tick(0)
        for each in (of, *others):
            each.sends(keyframe=each.is_asked())
            each.peer.rtcp.clear()
        return sum(packet.endswith(of.name) for packet in viewer.rtp) >= 4

    await eventually("the picture comes", has_come, IN_TIME)


def fall_silent(plane: Plane) -> None:
    for track in plane.room.feed.sources:
        track.heard_at -= SILENT_SECONDS
    plane.tick(0)


async def scene(plane: Plane) -> tuple[Picture, Picture, Peer]:
    """An encoder that is on, a slate that stands by, and a viewer."""
    encoder = Picture(await plane.connected(publishes=True), b"encoder")
    viewer = await plane.connected(publishes=False)
    slate = Picture(await stands_by(plane), b"slate")
    await seen(plane, viewer, encoder, slate)
    assert not any(packet.endswith(b"slate") for packet in viewer.rtp)
    feed = plane.room.feed  # what is on its way would break the encoder's silence
    await eventually("all has come", lambda: feed.rx_packets == encoder.sent, IN_TIME)
    return encoder, slate, viewer


def go_on(packets: list[bytes]) -> bool:
    """Whether numbers and times of each stream only go up, and every number but lost ones is there once."""
    for kind in (0x60, 0x6F):
        stream = [packet for packet in packets if packet[1] & 0x7F == kind]
        numbers = [int.from_bytes(packet[2:4]) for packet in stream]
        times = [int.from_bytes(packet[4:8]) for packet in stream]
        if not all(1 <= b - a & 0xFFFF < 100 for a, b in pairwise(numbers)):
            return False
        if not all(0 < b - a & 0xFFFFFFFF < 10 * 90_000 for a, b in pairwise(times)):
            return False
    return True


async def test_viewers_get_it_after_a_silence_and_the_encoder_again(plane: Plane) -> None:
    encoder, slate, viewer = await scene(plane)
    came = [*viewer.rtp]
    fall_silent(plane)
    assert plane.room.status().has_publisher
    await seen(plane, viewer, slate)
    came += viewer.rtp
    status = plane.room.status()
    assert (status.standby_on, status.standbys, status.has_publisher) == (True, 1, True)
    await seen(plane, viewer, encoder, slate)
    came += viewer.rtp
    assert not plane.room.status().standby_on
    assert not viewer.closed
    assert go_on(came)


async def test_a_standby_opens_a_room_and_any_publisher_of_it_comes_first(plane: Plane) -> None:
    slate = Picture(await stands_by(plane), b"slate")
    viewer = await plane.connected(publishes=False)
    slate.sends(keyframe=True)
    await seen(plane, viewer, slate)
    with pytest.raises(ServiceError, match="no_standby"):
        await plane.handlers.switch_room(SwitchRoom(room=ROOM))
    peer = plane.peer(publishes=True)
    await plane.connect(peer, await plane.ask(peer, publishes=True, identity="another"))
    await seen(plane, viewer, Picture(peer, b"encoder"), slate)
    assert plane.room.identity == "another"


async def test_an_operator_switches_until_that_one_is_silent(plane: Plane) -> None:
    encoder, slate, viewer = await scene(plane)
    switched = await plane.handlers.switch_room(SwitchRoom(room=ROOM))
    assert switched.session == cut_session(plane.answers[id(slate.peer)].session)
    await seen(plane, viewer, slate, encoder)
    for _ in range(3):
        await seen(plane, viewer, slate, encoder)  # it stays, though the encoder sends
    fall_silent(plane)
    await seen(plane, viewer, encoder)
