"""One publisher after another on one feed: what a viewer gets is one unbroken stream."""

from dataclasses import replace
from itertools import pairwise

import pytest

from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.extensions import FORWARDED_EXTENSIONS
from media.rtp.packet import RtpPacket
from media.switch.wire import Wire
from tests.support.far_end import one_byte
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import FarViewer
from tests.support.published import AUDIO, RATES, TICKS, VIDEO, sound, video
from tests.support.world import SSRCS, World

KEYFRAME, DELTA = b"\x10\x00 key", b"\x10\x01 delta"  # VP8
EXTENSION = sorted(FORWARDED_EXTENSIONS)[0]
PUBLISHED = (video(extensions={EXTENSION: 5}), sound())
WIRES = (Wire(101, {5: 7}), Wire(9, {}))


def send(world: World, track: int, payload: bytes, **how: tuple[int, bytes]) -> None:
    """The next packet, in its time."""
    world.now += TICKS[track] / RATES[track]
    world.media(track, payload=payload, **how)


def begin(world: World) -> None:
    """A picture and its sound."""
    send(world, VIDEO, KEYFRAME)
    for _ in range(3):
        send(world, VIDEO, DELTA)
        send(world, AUDIO, b"sound")


def change_publisher(
    world: World,
    published: tuple[PublishedTrack, ...] = PUBLISHED,
    ssrcs: tuple[int, int] = (0x77, 0x78),
) -> None:
    world.succeed(published, FarPublisher(published, first=0x7000, ssrcs=ssrcs))


def payloads(packets: list[RtpPacket]) -> list[bytes]:
    return [packet.payload for packet in packets]


@pytest.fixture
def world() -> World:
    return World(PUBLISHED, index=1000, publisher=FarPublisher(PUBLISHED, first=0x101))


@pytest.fixture
def viewer(world: World) -> FarViewer:
    """It watches a publisher that has begun."""
    viewer = world.join(WIRES)
    begin(world)
    return viewer


@pytest.mark.parametrize("types", [(96, 111), (102, 8)], ids=["same numbers", "other numbers"])
@pytest.mark.parametrize("ssrcs", [(0x51, 0x52), (0x77, 0x78)], ids=["same SSRC", "another SSRC"])
def test_a_viewer_sees_one_stream(
    world: World, viewer: FarViewer, types: tuple[int, int], ssrcs: tuple[int, int]
) -> None:
    world.now += 3.0
    change_publisher(world, (video(payload_type=types[VIDEO]), sound(payload_type=types[AUDIO])), ssrcs)
    begin(world)
    arrived = viewer.packets()
    for track, payload_type in ((VIDEO, 101), (AUDIO, 9)):
        packets = [packet for packet in arrived if packet.ssrc == SSRCS[track]]
        assert {packet.payload_type for packet in packets} == {payload_type}
        assert {b.sequence - a.sequence for a, b in pairwise(packets)} == {1}
        steps = [b.timestamp - a.timestamp for a, b in pairwise(packets)]
        assert steps.count(max(steps)) == 1
        assert 3.0 < max(steps) / RATES[track] < 3.2  # as long as nothing came
        assert all(step == TICKS[track] for step in steps if step != max(steps))


def test_the_picture_continues_with_the_next_publishers_keyframe_and_the_sound_at_once(
    world: World, viewer: FarViewer
) -> None:
    change_publisher(world)
    viewer.packets()
    for _ in range(4):
        send(world, VIDEO, DELTA)
    send(world, AUDIO, b"sound")
    assert payloads(viewer.packets()) == [b"sound"]
    assert world.feed.rx_dropped == 4
    send(world, VIDEO, KEYFRAME)
    send(world, VIDEO, DELTA)
    assert payloads(viewer.packets()) == [KEYFRAME, DELTA]


def test_who_is_succeeded_is_not_forwarded_any_more(world: World, viewer: FarViewer) -> None:
    begin(world)
    viewer.datagrams()
    last = world.publisher.packet(AUDIO, payload=b"sound")
    world.feed.take([track.source for track in world.tracks])  # its successor has no keys yet
    world.receive(last)
    assert viewer.datagrams() == []
    assert world.feed.srtp is None


def test_a_publisher_whose_picture_is_held_back_counts_as_heard(world: World, viewer: FarViewer) -> None:
    change_publisher(world)
    assert world.feed.heard_at == 0.0
    send(world, VIDEO, DELTA)
    assert world.feed.heard_at == world.now


def test_header_extensions_keep_their_ids_on_the_wire(world: World, viewer: FarViewer) -> None:
    change_publisher(world, (replace(PUBLISHED[VIDEO], extensions={EXTENSION: 3}), PUBLISHED[AUDIO]))
    send(world, VIDEO, KEYFRAME, extension=one_byte((3, b"o"), (5, b"other")))
    send(world, VIDEO, DELTA, extension=one_byte((3, b"p"), (5, b"other")))
    assert [packet.extensions for packet in viewer.packets()[-2:]] == [((7, b"o"),), ((7, b"p"),)]


def test_thinned_forms_have_the_codec_of_the_next_publisher() -> None:
    world = World((video("VP8"), sound()), thinned=True)
    world.succeed((video("VP9"), sound()))
    assert world.feed.thinning is not None
    assert [form.codec for form in world.feed.thinning.sent] == ["VP9", "VP9"]


def test_a_track_that_the_next_publisher_lacks_rests(world: World, viewer: FarViewer) -> None:
    viewer.packets()
    change_publisher(world, PUBLISHED[AUDIO:])
    world.media(0, payload=b"sound")  # it has no other track
    assert payloads(viewer.packets()) == [b"sound"]
    change_publisher(world)
    send(world, VIDEO, KEYFRAME)
    assert payloads(viewer.packets()) == [KEYFRAME]
